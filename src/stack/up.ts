import { withinBounds } from '../bounds.ts';
import type { ReachableView } from '../cluster/view.ts';
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
import { proveReadWrite } from '../redis/prove.ts';
import type { Secret } from '../secret.ts';
import type { NodeSpec } from '../spec/spec.ts';
import { converge } from './converge.ts';
import { natMapOf } from './connection.ts';
import { execute } from './execute.ts';
import { ensureImage, type ResolvedImage } from './image.ts';
import { hostAddress, linkNodes } from './links.ts';
import { observeEngine } from './observe.ts';
import { ensurePassword } from './password.ts';
import { performOnEngine } from './perform.ts';
import { inRounds } from './rounds.ts';
import { findTakenPort } from './taken-ports.ts';
import { wantedOf } from './wanted.ts';
import type { Session } from './session.ts';

export interface UpResult {
  readonly image: ResolvedImage;
  /** Engine calls and cluster commands that changed something; 0 when all was as it should be. */
  readonly changeCount: number;
  readonly views: readonly ReachableView[];
  readonly elapsedMs: number;
}

/**
 * Brings the stack from whatever it is to what the YAML file says, and proves it: every node agrees, every slot is
 * served, and, after a change, a key can be written and read in each primary. Data is never removed.
 */
export async function up(session: Session): Promise<UpResult> {
  const { engine, spec, report } = session;
  const start = performance.now();
  // Refuses an engine whose ports can't be reached from here, before anything is made.
  hostAddress(spec, engine.endpoint);
  const image = await ensureImage(session);
  const wanted = wantedOf(session, image);
  let password: Secret | undefined;
  let callCount = 0;
  await inRounds(session, async () => {
    for (let isDone = false; !isDone;) {
      const observed = await observeEngine(engine, spec, wanted);
      await rejectConflicts(session, wanted, observed);
      password ??= await ensurePassword(session, observed.containers);
      const secret = password;
      const performCounted = async (action: Action): Promise<void> => {
        await perform(session, wanted, secret, action);
        callCount += 1;
      };
      await execute(planUp(spec, wanted, observed), performCounted, session);
      isDone = !isPartial(observed);
    }
  });

  password ??= await ensurePassword(session, []);
  const links = linkNodes(spec, engine.endpoint, password);
  try {
    const { views, commandCount } = await converge(session, links);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    const changeCount = callCount + commandCount;
    if (changeCount > 0) await prove(session, password, views);
    return { image, changeCount, views, elapsedMs: performance.now() - start };
  } finally {
    for (const link of links) link.close();
  }
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

async function prove(session: Session, password: Secret, views: readonly ReachableView[]): Promise<void> {
  const { report } = session;
  report({ subject: 'proof', state: 'running', text: 'a write and a read in each primary' });
  const ranges = views.flatMap(({ table }) => table.myself.slots.slice(0, 1));
  await withinBounds(
    proveReadWrite(natMapOf(session), password, ranges),
    'could not write and read a key in each primary',
    session,
  );
  report({
    subject: 'proof',
    state: 'done',
    text: `a key written and read back in each of ${ranges.length} primaries`,
  });
}
