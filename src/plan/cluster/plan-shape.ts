import { findOpenMoves } from '../../cluster/slots/open-moves.ts';
import { planRebalance } from '../../cluster/slots/plan-rebalance.ts';
import type { SlotMove } from '../../cluster/slots/slots.ts';
import type { KeyCounts } from './plan-slot-repairs.ts';
import type { OpenSlot } from '../../cluster/nodes/node-table.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import { primariesOf, type Spec } from '../../spec/spec.ts';
import type { Move } from '../engine/places.ts';
import { keyOf, newAction, type ActionOf } from '../model/action.ts';

/** What brings a cluster that is whole closer to the shape that the YAML file asks for. */
type ShapeAction = ActionOf<'move slots' | 'reset node' | 'remove node'>;

/**
 * The next steps from the primaries that own slots to those that should, or none. Slots are only moved where the number
 * of primaries is another than the YAML file's, where one of them left it, or where such a move was interrupted: a
 * distribution that somebody chose stays as it is.
 *
 * @param views of all nodes of the cluster, also of those that left the YAML file; they agree with each other
 * @param keys of the slots that are open
 * @param leaver a primary that is about to leave its host: the others have its slots until it is on the next one
 */
export function planShape(
  spec: Spec,
  views: readonly ReachableView[],
  keys: KeyCounts = new Map(),
  leaver?: Move,
): ShapeAction[] {
  const wantedCount = primariesOf(spec).length - (leaver === undefined ? 0 : 1);
  const present = inOrderOf(spec, views).filter(({ name }) => name !== leaver?.node);
  const former = views.filter((view) => !present.includes(view));
  const owners = present.filter(ownsSlots);
  const keeping = owners.slice(0, wantedCount);
  const joining = present.filter(isIdlePrimary).slice(0, wantedCount - keeping.length);
  const missing = wantedCount - keeping.length - joining.length;
  if (missing > 0) return surplusReplicas(present).slice(0, missing).map(promotion);

  const leaving = [...owners.slice(wantedCount), ...former.filter(ownsSlots)];
  const parties = [...keeping, ...joining, ...leaving].map(({ name, table }) => ({ name, slots: table.myself.slots }));
  const weights = new Map(leaving.map(({ name }) => [name, 0]));
  const request = { weights, thresholdPercent: 0, useEmptyPrimaries: true };
  const begun = findBegunMoves(views, keys);
  const isUnfinished = (): boolean => isMarked(views, begun, planRebalance(parties, request));
  const isDone = joining.length + leaving.length === 0 && (begun.length === 0 || !isUnfinished());
  const moves = isDone ? [] : planRebalance(parties, { ...request, begun });
  if (moves.length === 0)
    return retirements(
      present,
      former.filter(({ name }) => name !== leaver?.node),
    );
  const cause =
    leaver === undefined
      ? `the YAML file asks for ${wantedCount} primaries`
      : `${leaver.node} moves from ${leaver.from} to ${leaver.to}, and has no replica`;
  return [newAction('move slots', 'cluster', cause, { moves })];
}

/** Those first that begin as primaries in a new cluster. */
function inOrderOf(spec: Spec, views: readonly ReachableView[]): ReachableView[] {
  const roles = ['primary', 'replica'];
  return spec.nodes
    .toSorted((one, other) => roles.indexOf(one.initialRole) - roles.indexOf(other.initialRole))
    .flatMap(({ name }) => views.filter((view) => view.name === name));
}

function ownsSlots({ table: { myself } }: ReachableView): boolean {
  return myself.slots.length > 0;
}

function isIdlePrimary(view: ReachableView): boolean {
  return view.table.myself.role === 'primary' && !ownsSlots(view);
}

function surplusReplicas(present: readonly ReachableView[]): ReachableView[] {
  return present.filter(({ table: { myself } }) => myself.role === 'replica');
}

function promotion({ name }: ReachableView): ShapeAction {
  // A replica too many becomes a primary without slots; its primary keeps the data.
  return newAction('reset node', name, 'it is to be a primary');
}

/** A node with replicas that stay is not let go before they follow somebody else. */
function retirements(present: readonly ReachableView[], former: readonly ReachableView[]): ShapeAction[] {
  const followed = new Set(present.map(({ table: { myself } }) => myself.primaryId));
  const roles = ['replica', 'primary'];
  const leaving = former
    .filter((view) => !ownsSlots(view) && !followed.has(view.table.myself.id))
    .toSorted((one, other) => roles.indexOf(one.table.myself.role) - roles.indexOf(other.table.myself.role));
  const cause = 'not in the YAML file, and owns no slots';
  // A replica refuses to forget its own primary: it leaves first.
  return leaving.map(({ name }, index) => {
    const before = leaving[index - 1];
    const after = before === undefined ? [] : [keyOf('remove node', before.name)];
    return newAction('remove node', name, cause, {}, { after });
  });
}

/**
 * Moves that were interrupted, and not the imports of a node that has read keys of others' slots from its files: the source
 * of a move sends its clients on before the first key leaves it.
 */
export function findBegunMoves(views: readonly ReachableView[], keys: KeyCounts): SlotMove[] {
  const leaving = new Set(openOn(views, 'migrating'));
  return findOpenMoves(views).begun.map(({ from, to, slots }) => ({
    from,
    to,
    slots: slots.filter((slot) => leaving.has(`${from} ${slot}`) || (keys.get(to)?.get(slot) ?? 0) === 0),
  }));
}

/** `redis-1 1000` of each slot that a node has open in this direction. */
function openOn(views: readonly ReachableView[], direction: OpenSlot['direction']): string[] {
  return views.flatMap(({ name, table: { myself } }) =>
    myself.openSlots.filter((open) => open.direction === direction).map(({ slot }) => `${name} ${slot}`),
  );
}

/**
 * While `up` moves slots for another shape, the last slot of each move is open on the target only: see `executeMoves`. So an
 * interrupted run can be told from one that is done: between two nodes that still have slots to move, one is open like that.
 *
 * @param left the moves that would make all shares equal
 */
function isMarked(views: readonly ReachableView[], begun: readonly SlotMove[], left: readonly SlotMove[]): boolean {
  const coming = new Set(openOn(views, 'importing'));
  return begun.some(
    ({ from, to, slots }) =>
      slots.some((slot) => coming.has(`${to} ${slot}`)) && left.some((move) => move.from === from && move.to === to),
  );
}
