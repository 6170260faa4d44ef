import { findUnsettledEpochs } from '../../cluster/nodes/epochs.ts';
import { slotMapText, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { rangesOf, type SlotMove } from '../../cluster/slots/slot-move.ts';
import { holdsSlot } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { hasAtomicMigration, moveSlotsAtomically } from '../../redis/slots/atomic-slot-move.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import { renewClaims } from '../../redis/slots/renew-claims.ts';
import type { OnMoved, Peer, Route } from '../../redis/slots/route.ts';
import { moveSlots, setSlots } from '../../redis/slots/slot-move.ts';
import { linkNodes } from '../connect/links.ts';
import { requirePassword } from '../connect/passwords.ts';
import { trackProgress } from './move-progress.ts';
import { requireRoom } from './require-room.ts';
import type { Session } from '../session/session.ts';
import { waitUntil } from '../observe/wait-until.ts';

export interface Moved {
  readonly slots: number;
  readonly keys: number;
  readonly elapsedMs: number;
}

export interface MoveOptions {
  /** Whoever looks after a crash is to see that these moves were not finished: see `markUnfinished`. */
  readonly leavesMark?: boolean;
}

/** MIGRATE may take this long for one key of hundreds of megabytes. */
const REPLY_TIMEOUT_MS = 120_000;

/**
 * Carries out a plan of slot moves, and waits until every node agrees on the new owners. Pairs of nodes that have
 * nothing to do with each other work side by side; a node is in one move at a time.
 *
 * @throws StackError CLUSTER_UNHEALTHY when a node refuses, or is not there; WAIT_TIMEOUT when the nodes don't agree
 */
export async function executeMoves(
  session: Session,
  moves: readonly SlotMove[],
  { leavesMark = false }: MoveOptions = {},
): Promise<Moved> {
  const start = performance.now();
  const links = await linkNodes(session, await requirePassword(session), REPLY_TIMEOUT_MS);
  try {
    await requireRoom(links, moves);
    await settleEpochs(session, links);
    const views = await observeAll(links);
    const progress = trackProgress(session, moves);
    const planned = moves.map((move) => ({ ...move, route: routeOf(move, views, links) }));
    const { signal } = session;
    if (await canMoveAtomically(views, links)) {
      await sideBySide(planned, ({ route, slots }) => moveAtOnce(route, slots, signal, progress.add));
    } else {
      if (leavesMark) await Promise.all(planned.map(({ route, slots }) => markUnfinished(route, slots)));
      await Promise.all(planned.map(({ route }) => renewClaims(route, signal)));
      await sideBySide(planned, ({ route, slots }) => moveSlots(route, slots, { signal, onMoved: progress.add }));
    }
    await waitForAgreement(session, links, moves);
    return { ...progress.total(), elapsedMs: performance.now() - start };
  } finally {
    for (const link of links) link.close();
  }
}

/** A message that is on its way may still make a node take another epoch. */
const LAST_MESSAGES_MS = 200;

/** Waits until the nodes have settled their epochs among themselves: see `findUnsettledEpochs`. As a rule they have. */
async function settleEpochs(session: Session, links: readonly NodeLink[]): Promise<void> {
  for (;;) {
    let looks = 0;
    const look = (views: readonly NodeView[]): string[] => {
      looks += 1;
      return findUnsettledEpochs(views.filter(isReachable));
    };
    await waitUntil(session, links, look, {
      message: 'no slot was moved, because the nodes did not settle their config epochs',
      hint: 'npx tsx manage.ts cluster fix',
    });
    if (looks === 1) return;
    await pause(LAST_MESSAGES_MS, session.signal);
  }
}

async function observeAll(links: readonly NodeLink[]): Promise<readonly ReachableView[]> {
  const views = await Promise.all(links.map((link) => link.observe()));
  return views.filter(isReachable);
}

function routeOf({ from, to }: SlotMove, views: readonly ReachableView[], links: readonly NodeLink[]): Route {
  const primaries = views.filter(({ table }) => table.myself.role === 'primary').flatMap((view) => peerOf(view, links));
  const find = (name: string): Peer => {
    const peer = primaries.find(({ link }) => link.name === name);
    if (peer !== undefined) return peer;
    throw new StackError('CLUSTER_UNHEALTHY', {
      message: `${name} is no primary that answers`,
      hint: 'npx tsx manage.ts cluster check',
    });
  };
  const [source, target] = [find(from), find(to)];
  return { source, target, others: primaries.filter((peer) => peer !== source && peer !== target) };
}

/** Redis 8.4 and later move slots by themselves. What was begun in the classic way has to be ended in it. */
async function canMoveAtomically(views: readonly ReachableView[], links: readonly NodeLink[]): Promise<boolean> {
  const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
  if (primaries.some(({ table: { myself } }) => myself.openSlots.length > 0)) return false;
  const ends = primaries.flatMap((view) => peerOf(view, links));
  return (await Promise.all(ends.map(({ link }) => hasAtomicMigration(link)))).every(Boolean);
}

async function moveAtOnce(
  { source, target }: Route,
  slots: readonly number[],
  signal: AbortSignal,
  onMoved: OnMoved,
): Promise<void> {
  const counts = await source.link.sendAll(slots.map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]));
  await moveSlotsAtomically(target.link, rangesOf(slots), { signal });
  onMoved({ slots: slots.length, keys: counts.reduce<number>((sum, count) => sum + Number(count), 0) });
}

/**
 * The last slot of a move is opened before the first one goes, on the target only: no client notices. As long as it is
 * open, the move isn't finished; the cluster's own node table remembers it, and there is no state file to go stale.
 */
async function markUnfinished({ target, source }: Route, slots: readonly number[]): Promise<void> {
  await setSlots(target, slots.slice(-1), 'IMPORTING', source.id);
}

export function peerOf({ name, table: { myself } }: ReachableView, links: readonly NodeLink[]): Peer[] {
  const link = links.find((one) => one.name === name);
  return link === undefined ? [] : [{ link, id: myself.id, ip: myself.ip, port: myself.port }];
}

/** Each move begins as soon as both its nodes are free. After a failure none begins, and those under way are awaited. */
async function sideBySide<T extends SlotMove>(moves: readonly T[], run: (move: T) => Promise<void>): Promise<void> {
  const waiting = [...moves];
  const running = new Map<T, Promise<void>>();
  const failures: unknown[] = [];
  while (waiting.length > 0 || running.size > 0) {
    const busy = new Set([...running.keys()].flatMap(({ from, to }) => [from, to]));
    const next = failures.length > 0 ? -1 : waiting.findIndex(({ from, to }) => !busy.has(from) && !busy.has(to));
    const [move] = next === -1 ? [] : waiting.splice(next, 1);
    if (move !== undefined) {
      const ended = run(move)
        .catch((error: unknown) => failures.push(error))
        .then(() => void running.delete(move));
      running.set(move, ended);
    } else if (running.size === 0) break;
    else await Promise.race(running.values());
  }
  if (failures.length > 0) throw failures[0];
}

/** Replicas, and whoever was away, hear of the new owners by gossip; and who was asked for a message sends it first. */
async function waitForAgreement(
  session: Session,
  links: readonly NodeLink[],
  moves: readonly SlotMove[],
): Promise<void> {
  const disagreeing = (all: readonly NodeView[]): string[] => {
    const views = all.filter(isReachable);
    const map = views[0] === undefined ? '' : slotMapText(views[0].table);
    const withoutSlots = views.filter((view) => moves.some(({ to, slots }) => view.name === to && !owns(view, slots)));
    return [
      ...withoutSlots.map(({ name }) => `${name} does not own all that was moved to it`),
      ...views.filter(({ table }) => slotMapText(table) !== map).map(({ name }) => `${name} does not agree yet`),
      ...views.filter(({ table }) => table.rows.some(isBeingMet)).map(({ name }) => `${name} is meeting another node`),
    ];
  };
  await waitUntil(session, links, disagreeing, {
    message: 'after the move not every node agreed on who owns which slots',
    hint: 'npx tsx manage.ts cluster fix',
  });
}

function isBeingMet({ flags }: NodeRow): boolean {
  return flags.has('handshake');
}

function owns({ table: { myself } }: ReachableView, slots: readonly number[]): boolean {
  return slots.every((slot) => holdsSlot(myself.slots, slot));
}
