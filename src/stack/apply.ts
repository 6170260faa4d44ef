import type { Engine } from '../engine/engine.ts';
import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { findConflicts } from '../plan/conflicts.ts';
import type { Observed } from '../plan/observed.ts';
import { isPartial, planUp, type Wanted } from '../plan/plan-up.ts';
import { initialNodeTable, NODE_TABLE_FILE } from '../plan/redis-config.ts';
import type { ContainerFile } from '../plan/resources.ts';
import type { Secret } from '../secret.ts';
import type { NodeSpec, Spec } from '../spec/spec.ts';
import type { Issuer, NodeCertificate } from './certificates.ts';
import { configFiles, nodeTableFile } from './config-files.ts';
import { findDataFiles } from './data-folder.ts';
import { execute } from './execute.ts';
import { observeEngine } from './observe.ts';
import { ensurePassword } from './passwords.ts';
import { performOnEngine } from './perform.ts';
import { inRounds } from './rounds.ts';
import type { Session } from './session.ts';
import { takeOverFromEmpty } from './take-over.ts';
import { findTakenPort } from './taken-ports.ts';

export interface Applied {
  /** Engine calls that changed something. */
  readonly callCount: number;
  readonly password: Secret;
  /** The nodes that have just been given all their files, certificate included. */
  readonly configured: ReadonlySet<string>;
  /** Containers that left the YAML file, and whose nodes have to leave the cluster before they are removed. */
  readonly members: readonly string[];
}

/**
 * Brings the engine to what is wanted: network, volumes, and a configured, running container for each node.
 *
 * @throws StackError for a conflict, before anything is made; for whatever else the engine refuses, in the middle: the
 *   next run goes on from there.
 */
export async function applyToEngine(session: Session, wanted: Wanted, issuer: Issuer | undefined): Promise<Applied> {
  const { engine, spec, userConf } = session;
  const configured = new Set<string>();
  let callCount = 0;
  return inRounds(session, async () => {
    for (;;) {
      const observed = await observeEngine(engine, spec, wanted);
      await rejectConflicts(session, wanted, observed);
      const password = await ensurePassword(session, observed.containers);
      const actions = planUp(spec, wanted, observed);
      const certificates = issueCertificates(spec, wanted, actions, issuer);
      // Vault may refuse, and that is better known before anything is made. The private authority is quick and this host's own.
      if (spec.tls.issuer.kind === 'vault') await Promise.all(certificates.values());
      const filesOf = async (node: NodeSpec): Promise<ContainerFile[]> =>
        configFiles(spec, node, { userConf, password, certificate: await certificates.get(node.name) });
      const performCounted = async (action: Action): Promise<void> => {
        await perform(session, wanted, filesOf, action);
        callCount += 1;
      };
      await execute(actions, performCounted, session);
      for (const node of certificates.keys()) configured.add(node);
      callCount += await takeOverFromEmpty(session, observed.copies, password);
      if (!isPartial(observed)) return { callCount, password, configured, members: observed.members };
    }
  });
}

/** Everything that can be known before anything is made. */
async function rejectConflicts(session: Session, wanted: Wanted, observed: Observed): Promise<void> {
  const [first, ...others] = findConflicts(session.spec.name, wanted, observed);
  const conflict = first ?? (await findTakenPort(session, wanted, observed));
  if (conflict === undefined) return;
  throw new StackError(conflict.code, {
    message: conflict.message,
    hint: conflict.hint,
    ...(conflict.isPassing === undefined ? {} : { isPassing: conflict.isPassing }),
    details: others.map(({ message }) => message),
  });
}

async function perform(
  { engine, spec }: Session,
  wanted: Wanted,
  filesOf: (node: NodeSpec) => Promise<ContainerFile[]>,
  action: Action,
): Promise<void> {
  const node = nodeOf(spec, wanted, action.target);
  const definition = node === undefined ? undefined : wanted.containers.get(node.name);
  if (action.type === 'create network') return engine.createNetwork(wanted.network);
  if (node === undefined || definition === undefined) return performOnEngine(engine, action);
  switch (action.type) {
    case 'create container':
      return engine.createContainer(definition);
    case 'configure container':
      await refuseToStartEmpty(engine, spec, node, action.target);
      return engine.writeFiles(action.target, await filesOf(node));
    case 'configure and seed container': {
      const seed = nodeTableFile(NODE_TABLE_FILE, initialNodeTable(spec, node));
      return engine.writeFiles(action.target, [...(await filesOf(node)), seed]);
    }
    default:
      return performOnEngine(engine, action);
  }
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

/** With an append-only file wanted and none there, Redis would not read dump.rdb: it would start without its keys. */
async function refuseToStartEmpty(engine: Engine, spec: Spec, node: NodeSpec, container: string): Promise<void> {
  if (!spec.redis.persistence.appendonly) return;
  const { hasDump, hasAppendOnlyFile } = await findDataFiles(engine, container);
  if (!hasDump || hasAppendOnlyFile) return;
  throw new StackError('DATA_AT_RISK', {
    message: `the keys of ${node.name} are in dump.rdb, and Redis would not read it with persistence.appendonly: true`,
    hint: 'Set it to false and run up. Then: npx tsx manage.ts redis-cli NODE -- CONFIG SET appendonly yes on each node, and set it to true.',
  });
}
