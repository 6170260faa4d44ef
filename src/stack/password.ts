import { dirname, resolve } from 'node:path';
import { containerName } from '../plan/names.ts';
import { PASSWORD_FILE } from '../plan/redis-config.ts';
import { defaultPasswordFile, generatedPassword, readPassword } from '../secrets/generated.ts';
import type { Secret } from '../secret.ts';
import type { Session } from './session.ts';

export function passwordFile({ spec, path, env }: Pick<Session, 'spec' | 'path' | 'env'>): string {
  const { file } = spec.secrets;
  return file === undefined ? defaultPasswordFile(spec.name, env) : resolve(dirname(path), file);
}

/** The stack's password, made where there is none. A stack that already runs gives back the one it was made with. */
export function ensurePassword(session: Session): Promise<Secret> {
  return generatedPassword(passwordFile(session), () => passwordInContainers(session));
}

/** The password of a stack that somebody else may have made; undefined where there is none. Writes nothing. */
export async function knownPassword(session: Session): Promise<Secret | undefined> {
  return readPassword(passwordFile(session));
}

async function passwordInContainers({ engine, spec }: Session): Promise<string | undefined> {
  for (const node of spec.nodes) {
    const text = await engine.readFile(containerName(spec.name, node.name), PASSWORD_FILE);
    if (text !== undefined && text !== '') return text;
  }
  return undefined;
}
