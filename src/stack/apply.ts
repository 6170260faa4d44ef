import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { findConflicts } from '../plan/conflicts.ts';
import { REDIS_GID, REDIS_UID } from '../plan/definitions.ts';
import type { Observed } from '../plan/observed.ts';
import { isPartial, planUp, type Wanted } from '../plan/plan-up.ts';
import {
  CONFIG_FOLDER,
  initialNodeTable,
  NODE_TABLE_FILE,
  PASSWORD_FILE,
  redisConf,
  secretConf,
} from '../plan/redis-config.ts';
import type { ContainerFile } from '../plan/resources.ts';
import type { Secret } from '../secret.ts';
import type { NodeSpec } from '../spec/spec.ts';
import { execute } from './execute.ts';
import { observeEngine } from './observe.ts';
import { ensurePassword } from './password.ts';
import { performOnEngine } from './perform.ts';
import { inRounds } from './rounds.ts';
import type { Session } from './session.ts';
import { findTakenPort } from './taken-ports.ts';

export interface Applied {
  /** Engine calls that changed something. */
  readonly callCount: number;
  readonly password: Secret;
}

/**
 * Brings the engine to what is wanted: network, volumes, and a configured, running container for each node.
 *
 * @throws StackError for a conflict, before anything is made; for whatever else the engine refuses, in the middle: the
 *   next run goes on from there.
 */
export async function applyToEngine(session: Session, wanted: Wanted): Promise<Applied> {
  const { engine, spec } = session;
  let callCount = 0;
  return inRounds(session, async () => {
    for (;;) {
      const observed = await observeEngine(engine, spec, wanted);
      await rejectConflicts(session, wanted, observed);
      const password = await ensurePassword(session, observed.containers);
      const performCounted = async (action: Action): Promise<void> => {
        await perform(session, wanted, password, action);
        callCount += 1;
      };
      await execute(planUp(spec, wanted, observed), performCounted, session);
      if (!isPartial(observed)) return { callCount, password };
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

async function perform(session: Session, wanted: Wanted, password: Secret, action: Action): Promise<void> {
  const { engine, spec } = session;
  const node = spec.nodes.find(({ name }) => wanted.containers.get(name)?.name === action.target);
  const definition = node === undefined ? undefined : wanted.containers.get(node.name);
  if (action.type === 'create network') return engine.createNetwork(wanted.network);
  if (node === undefined || definition === undefined) return performOnEngine(engine, action);
  switch (action.type) {
    case 'create container':
      return engine.createContainer(definition);
    case 'configure container':
      await refuseToStartEmpty(session, node, action.target);
      return engine.writeFiles(action.target, configFiles(session, node, password));
    case 'configure and seed container': {
      const seed = { path: NODE_TABLE_FILE, content: initialNodeTable(spec, node), mode: 0o644, ...OWNER };
      return engine.writeFiles(action.target, [...configFiles(session, node, password), seed]);
    }
    default:
      return performOnEngine(engine, action);
  }
}

/** With an append-only file wanted and none there, Redis would not read dump.rdb: it would start without its keys. */
async function refuseToStartEmpty({ engine, spec }: Session, node: NodeSpec, container: string): Promise<void> {
  if (!spec.redis.persistence.appendonly) return;
  const [dump, ...appendOnlyFiles] = await Promise.all(
    ['dump.rdb', 'appendonlydir', 'appendonly.aof'].map((name) => engine.pathExists(container, `/data/${name}`)),
  );
  if (dump !== true || appendOnlyFiles.includes(true)) return;
  throw new StackError('DATA_AT_RISK', {
    message: `the keys of ${node.name} are in dump.rdb, and Redis would not read it with persistence.appendonly: true`,
    hint: 'Set it to false and run up. Then: npx tsx manage.ts redis-cli NODE -- CONFIG SET appendonly yes on each node, and set it to true.',
  });
}

const OWNER = { uid: REDIS_UID, gid: REDIS_GID };

/** The folder belongs to Redis's user, so that CONFIG REWRITE works, and nobody else can look into it. */
function configFiles({ spec, userConf }: Session, node: NodeSpec, password: Secret): ContainerFile[] {
  const file = (path: string, content: string): ContainerFile => ({ path, content, mode: 0o600, ...OWNER });
  return [
    { path: `${CONFIG_FOLDER}/`, content: '', mode: 0o700, ...OWNER },
    file(`${CONFIG_FOLDER}/redis.conf`, redisConf(spec, node)),
    file(`${CONFIG_FOLDER}/user.conf`, userConf),
    file(`${CONFIG_FOLDER}/secret.conf`, secretConf(password.reveal())),
    file(PASSWORD_FILE, password.reveal()),
    // Some images leave their data folder to root, for an entrypoint that runs as root.
    { path: '/data/', content: '', mode: 0o755, ...OWNER },
  ];
}
