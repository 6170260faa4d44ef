import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../secret.ts';
import { passwordOfNode } from '../connect/passwords.ts';
import { besides } from '../session/source.ts';
import { homeFolder } from '../session/state-folder.ts';
import type { Facts } from './facts.ts';

/** Every secret that this process can get at, so that it can be looked for: what isn't known can't be taken out. */
export async function knownSecrets(facts: Facts): Promise<Secret[]> {
  const { env } = facts.options;
  const found = await Promise.all([passwords(facts), vaultFiles(facts)]);
  const named = Object.entries(env).flatMap(([name, value = '']) =>
    isSecretName(name) && value.length >= 6 ? [value] : [],
  );
  return [...found.flat(), ...named.map((value) => new Secret(value))];
}

/** The one that is kept, and those that the containers hold: they may differ. */
async function passwords(facts: Facts): Promise<Secret[]> {
  const kept = await facts.secret.know().catch(() => undefined);
  const probes = await facts.probes.know().catch(() => []);
  const containers = await facts.containers.know().catch(() => []);
  const session = await facts.session.know().catch(() => undefined);
  const ofNode = async (name: string): Promise<Secret | undefined> =>
    session && passwordOfNode(session, name).catch(() => undefined);
  const ofNodes = await Promise.all(containers.map(({ node }) => ofNode(node.name)));
  return [kept?.password, ...probes.map(({ password }) => password), ...ofNodes].filter((one) => one !== undefined);
}

/** What stands in the files with which this host logs in at Vault. */
async function vaultFiles(facts: Facts): Promise<Secret[]> {
  const { env } = facts.options;
  const files = [join(homeFolder(env), '.vault-token')];
  const stack = await facts.stack.know().catch(() => undefined);
  const secrets = stack?.spec.secrets;
  if (stack !== undefined && secrets?.provider === 'vault') {
    const { auth } = secrets;
    const named =
      auth.method === 'approle'
        ? [`${auth.folder}/role-id`, `${auth.folder}/secret-id`]
        : auth.tokenFile === undefined
          ? []
          : [auth.tokenFile];
    files.push(...named.map((file) => besides(stack, file, env)));
  }
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.map((text) => new Secret(text.trim()));
}

function isSecretName(name: string): boolean {
  return /TOKEN|PASSWORD|PASSWD|SECRET|_KEY$|AUTHKEY|CREDENTIAL/i.test(name) && !/_FILE$|_PATH$|_SOCK$/i.test(name);
}
