import { planConfig, type ConfigAction, type ConfigState } from '../plan/plan-config.ts';
import { containerName } from '../plan/names.ts';
import type { NodeLink } from '../redis/node-link.ts';
import { prepareDump, writeLog } from '../redis/persistence.ts';
import { redisConfFile, userConfFile } from './config-files.ts';
import { readConfig } from './observe.ts';
import type { Session } from './session.ts';
import { configText } from './wanted.ts';

/**
 * Brings the configuration of nodes that run to what it should be, as far as that goes without a restart: see
 * `planConfig`.
 *
 * @returns how many steps it took
 * @throws StackError CLUSTER_UNHEALTHY for a value that Redis refuses; its files are as they were then
 */
export async function settleConfig(session: Session, links: readonly NodeLink[]): Promise<number> {
  const counts = await Promise.all(
    links.map(async (link) => {
      const actions = await planNodeConfig(session, link);
      for (const action of actions) await perform(session, link, action);
      return actions.length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What `settleConfig` would do on one node. */
export async function planNodeConfig(session: Session, link: NodeLink): Promise<ConfigAction[]> {
  const node = session.spec.nodes.find(({ name }) => name === link.name);
  const files = await readConfig(session.engine, containerName(session.spec.name, link.name));
  if (node === undefined || files === undefined) return [];
  const state: ConfigState = { node: link.name, files, live: await readLive(link) };
  return planConfig(configText(session, node), state);
}

async function readLive(link: NodeLink): Promise<Map<string, string>> {
  const reply = await link.send('CONFIG', 'GET', '*');
  const words = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(words.flatMap((name, index) => (index % 2 === 0 ? [[name, words[index + 1] ?? '']] : [])));
}

async function perform(session: Session, link: NodeLink, { setting }: ConfigAction): Promise<void> {
  const { engine, spec, userConf, report } = session;
  const node = spec.nodes.find(({ name }) => name === link.name);
  if (node === undefined) return;
  if (setting === undefined) {
    const files = [redisConfFile(spec, node), userConfFile(userConf)];
    return engine.writeFiles(containerName(spec.name, node.name), files);
  }
  const [name, value] = setting;
  if (name === 'appendonly') await setAppendonly(session, link, value === 'yes');
  else await link.send('CONFIG', 'SET', name, value);
  report({ subject: node.name, state: 'done', text: `${name} set to ${value}` });
}

/** Its keys are in the file that it is to read before it writes no other any more. */
async function setAppendonly(session: Session, link: NodeLink, appendonly: boolean): Promise<void> {
  if (appendonly) return writeLog(link, session);
  await prepareDump(link, session);
  await link.send('CONFIG', 'SET', 'appendonly', 'no');
}
