import { findUnsettledEpochs } from '../../cluster/nodes/epochs.ts';
import { findBrokenLinks } from '../../cluster/findings/health.ts';
import { slotMapText, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { rangesOf, holdsSlot, type SlotMove } from '../../cluster/slots/slots.ts';
import { datasetBytes, isReachable, parseInfo, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { showBytes } from '../../cluster/keys/quoted.ts';
import { withRaisableTimeout, type OnLarge } from '../../redis/slots/large-keys.ts';
import { atomicMigrationOf, moveSlotsAtomically } from '../../redis/slots/atomic-slot-move.ts';
import { redisMigration, valkeyMigration } from '../../redis/slots/migration-tasks.ts';
import type { RedisCommand } from '../../redis/node-link.ts';
import { emptyFiles } from '../../redis/persistence.ts';
import { renewClaims } from '../../redis/slots/renew-claims.ts';
import type { OnCopied, OnMoved, Peer, Route } from '../../redis/slots/route.ts';
import { moveSlots, setSlots } from '../../redis/slots/slot-move.ts';
import type { Nodes } from '../connect/with-nodes.ts';
import type { ServerName } from '../../plan/model/resources.ts';
import { requireRoom } from './require-room.ts';
import { trackProgress } from './slot-progress.ts';
import type { Session } from '../session/session.ts';
import { waitUntil } from './live-cluster.ts';
import { bytesText } from '../../units.ts';

export interface Moved {
  readonly slots: number;
  readonly keys: number;
  readonly elapsedMs: number;
}

/** MIGRATE may take this long for one key of hundreds of megabytes. */
export const REPLY_TIMEOUT_MS = 120_000;

/**
 * Carries out a plan of slot moves, and waits until every node agrees on the new owners. Pairs of nodes that have
 * nothing to do with each other work side by side; a node is in one move at a time.
 *
 * @param options.leavesMark whoever looks after a crash is to see that these moves were not finished: see `markUnfinished`
 * @throws StackError REDIS_REFUSED, NODE_DISCONNECTED; CLUSTER_UNHEALTHY, see `moveSlots`; WAIT_TIMEOUT when the nodes don't agree
 */
export async function executeMoves(
  session: Session,
  nodes: Nodes,
  moves: readonly SlotMove[],
  { leavesMark = false }: { readonly leavesMark?: boolean } = {},
): Promise<Moved> {
  const start = performance.now();
  const patient = nodes.patient(REPLY_TIMEOUT_MS);
  await requireRoom(patient.all, moves);
  await settleEpochs(session, nodes);
  const views = (await Promise.all(nodes.all.map((link) => link.observe()))).filter(isReachable);
  const progress = trackProgress(session, moves);
  const planned = moves.map((move) => ({ ...move, route: routeOf(move, views, patient) }));
  const { signal } = session;
  const newcomers = views.filter(
    ({ name, table: { myself } }) => myself.slots.length === 0 && moves.some(({ to }) => to === name),
  );
  // A run that was killed may have reset it, and left its files.
  await Promise.all(newcomers.map(({ name }) => emptyFiles(patient.get(name), session)));
  await whileKeysMove(session, patient, async (onLarge) => {
    const server = await atomicMigrationAmong(views, patient);
    if (server !== undefined) {
      await sideBySide(planned, ({ route, slots }) =>
        moveAtOnce(route, slots, server, { signal, onMoved: progress.add, onCopied: progress.copied }),
      );
    } else {
      if (leavesMark) await Promise.all(planned.map(({ route, slots }) => markUnfinished(route, slots)));
      await Promise.all(planned.map(({ route }) => renewClaims(route, signal)));
      const told = { signal, onMoved: progress.add, onLarge };
      await sideBySide(planned, ({ route, slots }) => moveSlots(route, slots, told));
    }
    await waitForAgreement(session, nodes, moves);
  });
  return { ...progress.total(), elapsedMs: performance.now() - start };
}

/** No replica takes over from a node that is busy with a large key; whoever waits for it learns why. */
export function whileKeysMove<T>(
  { report }: Session,
  nodes: Nodes,
  work: (onLarge: OnLarge) => Promise<T>,
): Promise<T> {
  return withRaisableTimeout(nodes.all, (raiseFor) =>
    work(async (node, { key, bytes }) => {
      const text = `the key ${showBytes(key)} has ${bytesText(bytes)}: ${node} serves nobody until it is moved`;
      report({ subject: 'slots', state: 'running', text });
      await raiseFor(bytes);
    }),
  );
}

/** A message that is on its way may still make a node take another epoch. */
const LAST_MESSAGES_MS = 200;

/** Waits until the nodes have settled their epochs among themselves: see `findUnsettledEpochs`. As a rule they have. */
async function settleEpochs(session: Session, nodes: Nodes): Promise<void> {
  let settledAt = Number.NEGATIVE_INFINITY;
  const findProblems = (views: readonly NodeView[]): string[] => {
    const problems = findUnsettledEpochs(views.filter(isReachable));
    const now = performance.now();
    settledAt = problems.length > 0 ? Number.POSITIVE_INFINITY : Math.min(settledAt, now);
    if (problems.length > 0 || now - settledAt >= LAST_MESSAGES_MS) return problems;
    return ['the nodes have only just settled their config epochs'];
  };
  await waitUntil(session, nodes, findProblems, {
    message: 'no slot was moved, because the nodes did not settle their config epochs',
    hint: run('cluster fix'),
  });
}

function routeOf({ from, to }: SlotMove, views: readonly ReachableView[], nodes: Nodes): Route {
  const primaries = primariesAmong(views, nodes);
  const find = (name: string): Peer => {
    const peer = primaries.find(({ link }) => link.name === name);
    if (peer !== undefined) return peer;
    throw new StackError('CLUSTER_UNHEALTHY', {
      message: `${name} is no primary that answers`,
      hint: run('cluster check'),
    });
  };
  const [source, target] = [find(from), find(to)];
  return { source, target, others: primaries.filter((peer) => peer !== source && peer !== target) };
}

/** Redis 8.4 and Valkey 9, and later ones, move slots by themselves. What was begun in the classic way has to be ended in it. */
async function atomicMigrationAmong(views: readonly ReachableView[], nodes: Nodes): Promise<ServerName | undefined> {
  const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
  if (primaries.some(({ table: { myself } }) => myself.openSlots.length > 0)) return undefined;
  const ends = primariesAmong(views, nodes);
  const [first, ...others] = await Promise.all(ends.map(({ link }) => atomicMigrationOf(link)));
  return others.every((other) => other === first) ? first : undefined;
}

/** Servers tell a state of such a move, and no figures: what the target has got so far shows in its memory. */
async function moveAtOnce(
  { source, target }: Route,
  slots: readonly number[],
  server: ServerName,
  {
    signal,
    onMoved,
    onCopied,
  }: { readonly signal: AbortSignal; readonly onMoved: OnMoved; readonly onCopied: OnCopied },
): Promise<void> {
  const counts = await source.link.sendAll(slots.map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]));
  const keys = counts.reduce<number>((sum, count) => sum + Number(count), 0);
  const sizeOf = async ({ link }: Peer): Promise<number> =>
    datasetBytes(parseInfo(String(await link.send('INFO', 'memory'))));
  const [all, size, before] = await Promise.all([source.link.send('DBSIZE'), sizeOf(source), sizeOf(target)]);
  const ofBytes = (size * keys) / Math.max(Number(all), 1);
  const copied = (bytes: number): void => onCopied(slots, { bytes: Math.max(bytes, 0), ofBytes });
  copied(0);
  const onProgress = async (): Promise<void> => copied((await sizeOf(target)) - before);
  const migration = server === 'redis' ? redisMigration(target.link) : valkeyMigration(source, target);
  await moveSlotsAtomically(target.link, rangesOf(slots), { signal, migration, onProgress });
  copied(ofBytes);
  onMoved({ slots: slots.length, keys });
}

/**
 * The last slot of a move is opened before the first one goes, on the target only: no client notices. As long as it is
 * open, the move isn't finished; the cluster's own node table remembers it, and there is no state file to go stale.
 */
async function markUnfinished({ target, source }: Route, slots: readonly number[]): Promise<void> {
  await setSlots(target, slots.slice(-1), 'IMPORTING', source.id);
}

export function primariesAmong(views: readonly ReachableView[], nodes: Nodes): Peer[] {
  return views.filter(({ table: { myself } }) => myself.role === 'primary').flatMap((view) => peerOf(view, nodes));
}

export function peerOf({ name, table: { myself } }: ReachableView, nodes: Nodes): Peer[] {
  const link = nodes.find(name);
  return link === undefined ? [] : [{ link, id: myself.id, ip: myself.ip, port: myself.port }];
}

/** Each move begins as soon as both its nodes are free. After a failure none begins, and those under way are awaited. */
async function sideBySide<T extends SlotMove>(moves: readonly T[], work: (move: T) => Promise<void>): Promise<void> {
  const waiting = [...moves];
  const running = new Map<T, Promise<void>>();
  const failures: unknown[] = [];
  while (waiting.length > 0 || running.size > 0) {
    const busy = new Set([...running.keys()].flatMap(({ from, to }) => [from, to]));
    const next = failures.length > 0 ? -1 : waiting.findIndex(({ from, to }) => !busy.has(from) && !busy.has(to));
    const [move] = next === -1 ? [] : waiting.splice(next, 1);
    if (move !== undefined) {
      const ended = work(move)
        .catch((error: unknown) => failures.push(error))
        .then(() => void running.delete(move));
      running.set(move, ended);
    } else if (running.size === 0) break;
    else await Promise.race(running.values());
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Replicas, and whoever was away, hear of the new owners by gossip; and who was asked for a message sends it first, over a
 * new link to the one who asked, which ends the old one.
 */
async function waitForAgreement(session: Session, nodes: Nodes, moves: readonly SlotMove[]): Promise<void> {
  const disagreeing = (all: readonly NodeView[]): string[] => {
    const views = all.filter(isReachable);
    const map = views[0] === undefined ? '' : slotMapText(views[0].table);
    const withoutSlots = views.filter((view) => moves.some(({ to, slots }) => view.name === to && !owns(view, slots)));
    return [
      ...withoutSlots.map(({ name }) => `${name} does not own all that was moved to it`),
      ...views.filter(({ table }) => slotMapText(table) !== map).map(({ name }) => `${name} does not agree yet`),
      ...views.filter(({ table }) => table.rows.some(isBeingMet)).map(({ name }) => `${name} is meeting another node`),
      ...findBrokenLinks(views, views),
    ];
  };
  await waitUntil(session, nodes, disagreeing, {
    message: 'after the move not every node agreed on who owns which slots',
    hint: run('cluster fix'),
  });
}

function isBeingMet({ flags }: NodeRow): boolean {
  return flags.has('handshake');
}

function owns({ table: { myself } }: ReachableView, slots: readonly number[]): boolean {
  return slots.every((slot) => holdsSlot(myself.slots, slot));
}
