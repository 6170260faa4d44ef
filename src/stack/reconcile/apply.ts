import { StackError } from '../../errors.ts';
import type { Action } from '../../plan/model/actions.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import { findDisruptive } from '../../plan/engine/disruptive.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Observed } from '../../plan/model/observed.ts';
import { isPartial, planUp } from '../../plan/engine/plan-up.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import { initialNodeTable, NODE_TABLE_FILE } from '../../plan/node/redis-config.ts';
import type { ContainerFile } from '../../plan/model/resources.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import type { Issuer, NodeCertificate } from '../connect/certificates.ts';
import { configFiles, nodeTableFile } from '../execute/config-files.ts';
import { appendonlyMark, holdsNothing, requireReadable } from '../observe/data-folder.ts';
import { execute } from '../execute/execute.ts';
import { observeEngine } from '../observe/observe.ts';
import { findObstacles } from '../observe/obstacles.ts';
import { ensurePassword } from '../connect/passwords.ts';
import { performOnEngine } from '../execute/perform.ts';
import { inRounds } from './rounds.ts';
import type { Session } from '../session/session.ts';
import { startToSwitch } from './start-to-switch.ts';
import { startOrRemove } from '../execute/start.ts';
import { stopSaving, switchPersistence } from '../execute/switch-persistence.ts';
import { takeOverFromEmpty } from './take-over.ts';

export interface Applied {
  /** Engine calls that changed something. */
  readonly callCount: number;
  readonly password: Secret;
  /** The nodes that have just been given all their files, certificate included. */
  readonly configured: ReadonlySet<string>;
  /** Node name → what its files say now, where it has any. */
  readonly config: ReadonlyMap<string, ConfigText>;
  /** Containers that left the YAML file, and whose nodes have to leave the cluster before they are removed. */
  readonly members: readonly string[];
  /** Nodes that run, and whose containers are still to be made anew: one at a time, when nobody is disturbed by it. */
  readonly waiting: readonly string[];
}

/**
 * Brings the engine to what is wanted: network, volumes, and a configured, running container for each node. Of the nodes
 * that run, only those in `ready` are disturbed.
 *
 * @throws StackError for a conflict, before anything is made; for whatever else the engine refuses, in the middle: the
 *   next run goes on from there.
 */
export async function applyToEngine(
  session: Session,
  wanted: Wanted,
  issuer: Issuer | undefined,
  ready: readonly string[] = [],
): Promise<Applied> {
  const { engine, spec, userConf } = session;
  const configured = new Set<string>();
  let callCount = 0;
  let mayStart = true;
  return inRounds(session, async () => {
    for (;;) {
      const observed = await observeEngine(engine, spec, wanted);
      await rejectConflicts(session, wanted, observed);
      const password = await ensurePassword(session, observed.containers);
      const all = planUp(spec, wanted, observed);
      const waiting = findDisruptive(wanted, observed, all).filter((node) => !ready.includes(node));
      const isWaiting = new Set(waiting.map((node) => containerName(spec.name, node)));
      const actions = all.filter(({ target }) => !isWaiting.has(target));
      const started = mayStart ? await startToSwitch(session, wanted, observed, actions, password) : 0;
      // What did not stay up then won't the next time.
      mayStart = false;
      callCount += started;
      if (started > 0) continue;
      const certificates = issueCertificates(spec, wanted, actions, issuer);
      // Vault may refuse, and that is better known before anything is made. The private authority is quick and this host's own.
      if (spec.tls.issuer.kind === 'vault') await Promise.all(certificates.values());
      const filesOf = async (node: NodeSpec): Promise<ContainerFile[]> =>
        configFiles(spec, node, { userConf, password, certificate: await certificates.get(node.name) });
      const toSave = await switchPersistence(session, wanted, observed, actions, password);
      const performCounted = async (action: Action): Promise<void> => {
        if (action.type === 'stop container' && toSave.has(action.target)) await stopSaving(session, action.target);
        else await perform(session, wanted, observed, filesOf, action);
        callCount += 1;
      };
      await execute(actions, performCounted, session);
      for (const node of certificates.keys()) configured.add(node);
      callCount += await takeOverFromEmpty(session, observed.copies, password);
      if (isPartial(observed)) continue;
      return {
        callCount,
        password,
        configured,
        config: configNow(spec, wanted, observed, configured),
        members: observed.members,
        waiting,
      };
    }
  });
}

/** Everything that can be known before anything is made. */
async function rejectConflicts(session: Session, wanted: Wanted, observed: Observed): Promise<void> {
  const [conflict, ...others] = await findObstacles(session, wanted, observed);
  if (conflict === undefined) return;
  throw new StackError(conflict.code, {
    message: conflict.message,
    hint: conflict.hint,
    ...(conflict.isPassing === undefined ? {} : { isPassing: conflict.isPassing }),
    details: others.map(({ message }) => message),
  });
}

async function perform(
  session: Session,
  wanted: Wanted,
  { data }: Observed,
  filesOf: (node: NodeSpec) => Promise<ContainerFile[]>,
  action: Action,
): Promise<void> {
  const { engine, spec } = session;
  const node = nodeOf(spec, wanted, action.target);
  const definition = node === undefined ? undefined : wanted.containers.get(node.name);
  if (action.type === 'create network') return engine.createNetwork(wanted.network);
  if (node === undefined || definition === undefined) return performOnEngine(session, action);
  const mark = appendonlyMark(spec.redis.persistence.appendonly);
  switch (action.type) {
    case 'create container':
      return engine.createContainer(definition);
    case 'update container':
      return engine.updateContainer(action.target, definition);
    case 'disconnect container':
      return engine.disconnectContainer(action.target, definition.network.name);
    case 'connect container':
      return engine.connectContainer(action.target, definition.network);
    case 'configure container':
      if (!holdsNothing(data.get(node.name))) await requireReadable(engine, spec, node, action.target);
      return engine.writeFiles(action.target, [...(await filesOf(node)), mark]);
    case 'configure and seed container': {
      const seed = nodeTableFile(NODE_TABLE_FILE, initialNodeTable(spec, node));
      return engine.writeFiles(action.target, [...(await filesOf(node)), mark, seed]);
    }
    case 'start container':
      return startOrRemove(session, action.target);
    default:
      return performOnEngine(session, action);
  }
}

function configNow(
  spec: Spec,
  wanted: Wanted,
  { config }: Observed,
  configured: ReadonlySet<string>,
): Map<string, ConfigText> {
  return new Map(
    spec.nodes.flatMap(({ name }): [string, ConfigText][] => {
      const text = configured.has(name) ? wanted.config.get(name) : config.get(containerName(spec.name, name));
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

function nodeOf(spec: Spec, wanted: Wanted, container: string): NodeSpec | undefined {
  return spec.nodes.find(({ name }) => wanted.containers.get(name)?.name === container);
}

/** Begun before the containers are made, so that the certificates are there when they are. */
function issueCertificates(
  spec: Spec,
  wanted: Wanted,
  actions: readonly Action[],
  issuer: Issuer | undefined,
): Map<string, Promise<NodeCertificate | undefined>> {
  const nodes = actions
    .filter(({ type }) => type === 'configure container' || type === 'configure and seed container')
    .map(({ target }) => nodeOf(spec, wanted, target))
    .filter((node) => node !== undefined);
  return new Map(
    nodes.map((node) => {
      const issued = issuer?.issue(node) ?? Promise.resolve(undefined);
      // Whoever needs it hears of its failure; if the plan fails before, nobody does.
      issued.catch(() => undefined);
      return [node.name, issued];
    }),
  );
}
