import { rangesOf } from '../../cluster/slots/slot-move.ts';
import { formatRanges } from '../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { Peer } from './route.ts';

interface Route {
  readonly source: Peer;
  readonly target: Peer;
}

/** What both ends of a move say. */
export interface Ends {
  readonly from: ReachableView;
  readonly to: ReachableView;
}

export async function observeEnds({ source, target }: Route): Promise<Ends> {
  const [from, to] = await Promise.all([source.link.observe(), target.link.observe()]);
  if (isReachable(from) && isReachable(to)) return { from, to };
  const [silent] = [from, to].flatMap((view) => (isReachable(view) ? [] : [view]));
  throw new StackError('CLUSTER_UNHEALTHY', {
    message: `${silent?.name ?? ''} does not answer: ${silent?.reason ?? ''}`,
    hint: 'npx tsx manage.ts up   # then: cluster fix',
  });
}

/** @throws StackError CLUSTER_UNHEALTHY where a slot is on its way to somebody else */
export function rejectOthersMoves({ from, to }: Ends, { source, target }: Route, slots: readonly number[]): void {
  const wanted = new Set(slots);
  const others = [...from.table.myself.openSlots, ...to.table.myself.openSlots].filter(
    ({ slot, nodeId }) => wanted.has(slot) && nodeId !== source.id && nodeId !== target.id,
  );
  if (others.length > 0) throw movedByOthers(source, [...new Set(others.map(({ slot }) => slot))]);
}

/**
 * Whoever opens a slot for another target overwrites where the source sends its clients, without a word from Redis. Two
 * owners would come of it, and the one with the lower epoch would delete its keys.
 *
 * @throws StackError CLUSTER_UNHEALTHY where a slot is not open on both ends, and for each other
 */
export function requireOpen({ from, to }: Ends, { source, target }: Route, slots: readonly number[]): void {
  const openFor = (view: ReachableView, nodeId: string): ReadonlySet<number> =>
    new Set(view.table.myself.openSlots.filter((open) => open.nodeId === nodeId).map(({ slot }) => slot));
  const [leaving, coming] = [openFor(from, target.id), openFor(to, source.id)];
  const changed = slots.filter((slot) => !leaving.has(slot) || !coming.has(slot));
  if (changed.length > 0) throw movedByOthers(source, changed);
}

function movedByOthers({ link }: Peer, slots: readonly number[]): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `slots ${formatRanges(rangesOf(slots))} of ${link.name} are being moved by somebody else, too; they were left as they are`,
    hint: 'Wait until the other move has ended, then: npx tsx manage.ts cluster fix',
  });
}

/** A node that has thrown out keys before is a cache that is full, and does so all the time. */
export function rejectEvictions(before: Ends, after: Ends): void {
  if (before.to.evictedKeys > 0 || after.to.evictedKeys === 0) return;
  throw new StackError('DATA_AT_RISK', {
    message: `${after.to.name} has no room: it has thrown out ${after.to.evictedKeys} keys, and no more slots are moved to it`,
    hint: 'Raise redis.maxmemory and redis.memory in the YAML file, run up, then: npx tsx manage.ts cluster fix',
  });
}
