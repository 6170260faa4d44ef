import { StackError } from '../../errors.ts';
import { findChangedSettings, findUnknown, type ConfigText } from '../../plan/node/config-drift.ts';
import { planConfig, type ConfigAction, type ConfigState } from '../../plan/node/plan-config.ts';
import { containerName } from '../../plan/model/names.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { prepareDump, writeLog } from '../../redis/persistence.ts';
import { commandText } from '../session/command-text.ts';
import { redisConfFile, userConfFile } from './config-files.ts';
import type { Session } from '../session/session.ts';
import { configText } from '../observe/wanted.ts';

/**
 * Brings the configuration of nodes that run to what it should be, as far as that goes without a restart: see
 * `planConfig`.
 *
 * @param config node name → what its files say; a node without is left alone
 * @returns how many steps it took
 * @throws StackError SPEC_INVALID for a line of redis.conf that Redis doesn't know, CLUSTER_UNHEALTHY for a value that it
 *   refuses; its files are as they were then
 */
export async function settleConfig(
  session: Session,
  links: readonly NodeLink[],
  config: ReadonlyMap<string, ConfigText>,
): Promise<number> {
  // All are planned before one is touched: a line that no Redis knows is in no file then.
  const plans = await Promise.all(
    links.map(async (link) => ({ link, actions: await planNodeConfig(session, link, config.get(link.name)) })),
  );
  const outcomes = await Promise.allSettled(
    plans.map(async ({ link, actions }) => {
      let count = 0;
      for (const action of actions) if (await perform(session, link, action)) count += 1;
      return count;
    }),
  );
  return outcomes.reduce((sum, outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return sum + outcome.value;
  }, 0);
}

/** What `settleConfig` would do on one node. */
export async function planNodeConfig(
  session: Session,
  link: NodeLink,
  files: ConfigText | undefined,
): Promise<ConfigAction[]> {
  const node = session.spec.nodes.find(({ name }) => name === link.name);
  if (node === undefined || files === undefined) return [];
  const state: ConfigState = { node: link.name, files, live: await readLive(link) };
  const wanted = configText(session, node);
  const [unknown] = findUnknown(findChangedSettings(files, wanted), state.live);
  if (unknown === undefined) return planConfig(wanted, state);
  throw new StackError('SPEC_INVALID', {
    message: `${link.name} knows no setting '${unknown}', and would not start with it; no node was given it`,
    hint: `Correct ${session.spec.redis.config ?? 'redis.config'}, the redis.conf that the YAML file names, then: ${commandText(session, 'up')}`,
  });
}

async function readLive(link: NodeLink): Promise<Map<string, string>> {
  const reply = await link.send('CONFIG', 'GET', '*');
  const words = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(words.flatMap((name, index) => (index % 2 === 0 ? [[name, words[index + 1] ?? '']] : [])));
}

/** @returns whether it was done; a server that can't have what its files have always said is only told of */
async function perform(session: Session, link: NodeLink, action: ConfigAction): Promise<boolean> {
  try {
    await carryOut(session, link, action);
    return true;
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'CLUSTER_UNHEALTHY' || action.setting === undefined)
      throw error;
    if (!action.isByHand) {
      throw new StackError('CLUSTER_UNHEALTHY', {
        message: error.message,
        hint: `Correct ${action.setting[0]} in the YAML file or its redis.conf, then: ${commandText(session, 'up')}`,
      });
    }
    session.report({ subject: link.name, state: 'warning', text: error.message });
    return false;
  }
}

async function carryOut(session: Session, link: NodeLink, { setting }: ConfigAction): Promise<void> {
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
