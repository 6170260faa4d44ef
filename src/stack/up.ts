import type { ReachableView } from '../cluster/view.ts';
import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { findConflicts } from '../plan/conflicts.ts';
import { REDIS_GID, REDIS_UID } from '../plan/definitions.ts';
import type { Observed } from '../plan/observed.ts';
import { planUp, type Wanted } from '../plan/plan-up.ts';
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
import { converge } from './converge.ts';
import { natMapOf } from './connection.ts';
import { execute } from './execute.ts';
import { ensureImage, type ResolvedImage } from './image.ts';
import { linkNodes } from './links.ts';
import { observeEngine } from './observe.ts';
import { ensurePassword } from './password.ts';
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
  const [image, password] = await Promise.all([ensureImage(session), ensurePassword(session)]);
  const wanted = wantedOf(session, image);
  const observed = await observeEngine(engine, spec, wanted);
  await rejectConflicts(session, wanted, observed);

  const actions = planUp(spec, wanted, observed);
  await execute(actions, (action) => perform(session, wanted, password, action), session);

  const links = linkNodes(spec, engine.endpoint, password);
  try {
    const { views, commandCount } = await converge(session, links);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    const changeCount = actions.length + commandCount;
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
    details: others.map(({ message }) => message),
  });
}

async function perform(
  { engine, spec, userConf }: Session,
  wanted: Wanted,
  password: Secret,
  action: Action,
): Promise<void> {
  const node = spec.nodes.find(({ name }) => wanted.containers.get(name)?.name === action.target);
  const definition = node === undefined ? undefined : wanted.containers.get(node.name);
  const stopGraceSeconds = 10;
  switch (action.type) {
    case 'create network':
      return engine.createNetwork(wanted.network);
    case 'remove network':
      return engine.removeNetwork(action.target);
    case 'create container':
      if (definition !== undefined) await engine.createContainer(definition);
      return;
    case 'configure container':
      if (node !== undefined)
        await engine.writeFiles(action.target, configFiles(redisConf(spec, node), userConf, password));
      return;
    case 'configure and seed container':
      if (node !== undefined) {
        const files = configFiles(redisConf(spec, node), userConf, password);
        await engine.writeFiles(action.target, [...files, nodeTableFile(initialNodeTable(spec, node))]);
      }
      return;
    case 'start container':
      return engine.startContainer(action.target);
    case 'unpause container':
      return engine.unpauseContainer(action.target);
    case 'stop container':
      return engine.stopContainer(action.target, stopGraceSeconds);
    case 'restart container':
      return engine.restartContainer(action.target, stopGraceSeconds);
    case 'remove container':
      return engine.removeContainer(action.target);
    case 'remove volume':
      return engine.removeVolume(action.target);
  }
}

const OWNER = { uid: REDIS_UID, gid: REDIS_GID };

/** The folder belongs to Redis's user, so that CONFIG REWRITE works, and nobody else can look into it. */
function configFiles(conf: string, userConf: string, password: Secret): ContainerFile[] {
  const file = (path: string, content: string): ContainerFile => ({ path, content, mode: 0o600, ...OWNER });
  return [
    { path: `${CONFIG_FOLDER}/`, content: '', mode: 0o700, ...OWNER },
    file(`${CONFIG_FOLDER}/redis.conf`, conf),
    file(`${CONFIG_FOLDER}/user.conf`, userConf),
    file(`${CONFIG_FOLDER}/secret.conf`, secretConf(password.reveal())),
    file(PASSWORD_FILE, password.reveal()),
    // Some images leave their data folder to root, for an entrypoint that runs as root.
    { path: '/data/', content: '', mode: 0o755, ...OWNER },
  ];
}

function nodeTableFile(content: string): ContainerFile {
  return { path: NODE_TABLE_FILE, content, mode: 0o644, ...OWNER };
}

async function prove(session: Session, password: Secret, views: readonly ReachableView[]): Promise<void> {
  const { report } = session;
  report({ subject: 'proof', state: 'running', text: 'a write and a read in each primary' });
  const ranges = views.flatMap(({ table }) => table.myself.slots.slice(0, 1));
  await proveReadWrite(natMapOf(session), password, ranges);
  report({
    subject: 'proof',
    state: 'done',
    text: `a key written and read back in each of ${ranges.length} primaries`,
  });
}
