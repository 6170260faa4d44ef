import { nodeOfContainer } from '../../plan/model/names.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { changedLimits } from '../../plan/engine/drift.ts';
import { type Action, type ActionOf, type ActionType } from '../../plan/model/action.ts';
import { holdsNothing } from '../../plan/model/observed.ts';
import type { ContainerDefinition, ContainerFile } from '../../plan/model/resources.ts';
import { initialNodeTable, KEEPER_FILE, NODE_TABLE_FILE } from '../../plan/node/redis-config.ts';
import { poll } from '../../poll.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { keeperText } from '../connect/passwords.ts';
import { withNodes } from '../connect/with-nodes.ts';
import { appendonlyMark, requireReadable } from '../observe/data-folder.ts';
import type { Session } from '../session/session.ts';
import { configFile, configFiles, nodeTableFile } from './config-files.ts';
import type { Execution } from './execution.ts';
import { keptUsers } from './passwords.ts';
import { stopProxyProcess } from './proxy-process.ts';
import { dumpGraceSeconds, leaveWritten, stopGraceSeconds } from './stopping.ts';

type EngineActionType = Extract<ActionType, `${string} container` | `${string} network` | `${string} volume`>;
type EngineAction = ActionOf<EngineActionType | 'start container to save keys'>;

/** The calls that need nothing but a name: all that `down` and `restart` need. */
export async function performByName(
  session: Pick<Session, 'engine' | 'signal' | 'timeoutMs'>,
  action: Action,
): Promise<void> {
  const { engine } = session;
  const { type, target } = action;
  switch (action.type) {
    case 'stop proxy':
      return stopProxyProcess(session, action);
    case 'remove network':
      return engine.removeNetwork(target, action.host);
    case 'unpause container':
      return engine.unpauseContainer(target);
    case 'start container':
      return engine.startContainer(target);
    case 'stop container':
      return engine.stopContainer(target, await stopGraceSeconds(session, target));
    case 'restart container':
      return engine.restartContainer(target, await stopGraceSeconds(session, target));
    case 'remove container':
      return engine.removeContainer(target);
    case 'remove half-made volume':
      return engine.removeVolume(target);
    case 'remove volume':
      return engine.removeVolume(target, action.host);
    default:
      throw new Error(`${type} needs more than a name`);
  }
}

/** An action on the container engine. */
export async function performOnEngine(execution: Execution, action: EngineAction): Promise<undefined> {
  const { session, desired } = execution;
  const { engine } = session;
  const { target } = action;
  switch (action.type) {
    case 'create network':
      await engine.createNetwork({
        ...desired.wanted.network,
        ...(action.host !== undefined && { host: action.host }),
      });
      return;
    case 'create container':
      await engine.createContainer(definitionOf(execution, target));
      return;
    case 'update container':
      await updateContainer(execution, target);
      return;
    case 'disconnect container':
      await engine.disconnectContainer(target, definitionOf(execution, target).network.name);
      return;
    case 'connect container':
      await engine.connectContainer(target, definitionOf(execution, target).network);
      return;
    case 'configure container':
    case 'configure and seed container':
      await configure(execution, action);
      return;
    case 'start container':
      await startOrRemove(session, target);
      return;
    case 'start container to save keys':
      await startToSave(execution, target);
      return;
    case 'stop container':
      if (action.intoDump === true) await stopIntoDump(session, target);
      else await performByName(session, action);
      return;
    default:
      await performByName(session, action);
  }
}

/** With what hasn't changed, an engine that can't set one of the limits would refuse all of them. */
async function updateContainer(execution: Execution, target: string): Promise<void> {
  const wanted = definitionOf(execution, target);
  const settings = execution.seen.engine.settings.get(target);
  await execution.session.engine.updateContainer(target, settings ? changedLimits(settings, wanted) : wanted);
}

function definitionOf({ desired }: Execution, container: string): ContainerDefinition {
  const definition = [...desired.wanted.containers.values()].find(({ name }) => name === container);
  if (definition === undefined) throw new Error(`no node of the YAML file has the container ${container}`);
  return definition;
}

function requireNode({ desired: { spec } }: Pick<Execution, 'desired'>, container: string): NodeSpec {
  const node = nodeOfContainer(spec, container);
  if (node === undefined) throw new Error(`no node of the YAML file has the container ${container}`);
  return node;
}

async function configure(
  execution: Execution,
  { type, target }: ActionOf<'configure container' | 'configure and seed container'>,
): Promise<void> {
  const { session, desired, seen } = execution;
  const { engine, userConf } = session;
  const { spec } = desired;
  const node = requireNode(execution, target);
  const isSeeded = type === 'configure and seed container';
  if (!isSeeded && !holdsNothing(seen.engine.data.get(node.name))) await requireReadable(engine, desired, node, target);
  const [password, certificate, users] = [
    execution.password(),
    await execution.certificateOf(node),
    // A cluster that begins anew has none.
    isSeeded ? [] : await keptUsers(execution, target),
  ];
  const files: ContainerFile[] = [
    ...configFiles(spec, node, { userConf, password, certificate, users }),
    configFile(KEEPER_FILE, keeperText(session)),
    appendonlyMark(spec.redis.persistence.appendonly),
    ...(isSeeded ? [nodeTableFile(NODE_TABLE_FILE, initialNodeTable(spec, node))] : []),
  ];
  await engine.writeFiles(target, files);
}

/**
 * Starts a node's container. One that the engine can't start any more, because it was killed in the middle of a start, is
 * removed, so that the next round recreates it: nothing but a restart of the machine would free it. Its volume stays.
 *
 * The process that the engine has lost may still be there, though nobody reaches it: its ports and its address went with the
 * engine. Without a client it writes nothing but dump.rdb, when it ends. So where that is the file that counts, the container
 * is left alone.
 *
 * @throws StackError CHANGED_MEANWHILE when it was removed, CONTAINER_STUCK when it was left
 */
async function startOrRemove({ engine, spec }: Session, name: string): Promise<void> {
  try {
    await engine.startContainer(name);
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'CONTAINER_STUCK') throw error;
    if (!spec.redis.persistence.appendonly) {
      throw new StackError('CONTAINER_STUCK', {
        message: `${error.message}; a Redis of it may still run unseen, and write its dump.rdb when it ends`,
        hint: hint`Restart the machine (or the engine's VM), then: ${run('up')}`,
        cause: error,
      });
    }
    await engine.removeContainer(name);
    throw new StackError('CHANGED_MEANWHILE', { message: error.message, cause: error });
  }
}

/** Returns when it has read its keys, or won't: whoever looks at it next sees which. */
async function startToSave(execution: Execution, container: string): Promise<void> {
  const { session } = execution;
  const { engine } = session;
  const node = requireNode(execution, container);
  await engine.startContainer(container);
  await poll(
    async () => {
      // It has ports only while it runs.
      const containers = await engine.listContainers();
      if (containers.find(({ name }) => name === container)?.state !== 'running') return true;
      const options = { nodes: [node], containers, password: execution.password() };
      return withNodes(session, async (nodes) => (await nodes.get(node.name).observe()).reachable, options);
    },
    (isDone) => isDone,
    session,
  );
}

/**
 * Stops a node that has all its keys in its append-only file, and only most of them in dump.rdb: Redis writes the others
 * when it is asked to end. The append-only file stays in use until then, so that a node that is killed loses nothing.
 *
 * @throws StackError DATA_AT_RISK when it was killed before it had written them
 */
export async function stopIntoDump(session: Session, container: string): Promise<void> {
  const { engine, timeoutMs } = session;
  await engine.stopContainer(container, dumpGraceSeconds(timeoutMs));
  const { exitCode } = await engine.containerExit(container);
  if (exitCode === 0) return leaveWritten(session, container);
  throw new StackError('DATA_AT_RISK', {
    message: `${container} ended with exit code ${exitCode} before its last keys were in dump.rdb; its append-only file has all of them`,
    hint: hint`Set persistence.appendonly: true again, then: ${run('up')}   # then try again with a longer --timeout SECONDS`,
  });
}
