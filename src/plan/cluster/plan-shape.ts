import { findOpenMoves } from '../../cluster/slots/open-moves.ts';
import { planRebalance } from '../../cluster/slots/plan-rebalance.ts';
import type { OpenSlot } from '../../cluster/nodes/node-table.ts';
import type { SlotMove } from '../../cluster/slots/slot-move.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import { primariesOf, type Spec } from '../../spec/spec.ts';

/** What brings a cluster that is whole closer to the shape that the YAML file asks for. */
export type ShapeStep = { readonly cause: string } & (
  | { readonly type: 'move slots'; readonly moves: readonly SlotMove[] }
  /** A replica too many becomes a primary without slots. Its primary keeps the data. */
  | { readonly type: 'reset'; readonly node: string }
  /** A node that left the YAML file, and owns nothing any more, leaves the cluster. */
  | { readonly type: 'retire'; readonly node: string }
);

/**
 * The next steps from the primaries that own slots to those that should, or none. Slots are only moved where the number
 * of primaries is another than the YAML file's, where one of them left it, or where such a move was interrupted: a
 * distribution that somebody chose stays as it is.
 *
 * @param views of all nodes of the cluster, also of those that left the YAML file; they agree with each other
 */
export function planShape(spec: Spec, views: readonly ReachableView[]): ShapeStep[] {
  const wantedCount = primariesOf(spec).length;
  const present = inOrderOf(spec, views);
  const former = views.filter((view) => !present.includes(view));
  const owners = present.filter(ownsSlots);
  const keeping = owners.slice(0, wantedCount);
  const joining = present.filter(isIdlePrimary).slice(0, wantedCount - keeping.length);
  const missing = wantedCount - keeping.length - joining.length;
  if (missing > 0) return surplusReplicas(present).slice(0, missing).map(promotion);

  const leaving = [...owners.slice(wantedCount), ...former.filter(ownsSlots)];
  const { begun } = findOpenMoves(views);
  if (joining.length + leaving.length === 0 && !isMarked(views)) {
    return begun.length > 0
      ? [{ type: 'move slots', moves: begun, cause: 'they are half-way' }]
      : retirements(present, former);
  }
  const moves = planRebalance(
    [...keeping, ...joining, ...leaving].map(({ name, table }) => ({ name, slots: table.myself.slots })),
    { weights: new Map(leaving.map(({ name }) => [name, 0])), thresholdPercent: 0, useEmptyPrimaries: true, begun },
  );
  const cause = `the YAML file asks for ${wantedCount} primaries`;
  if (moves.length > 0) return [{ type: 'move slots', moves, cause }];
  return begun.length > 0
    ? [{ type: 'move slots', moves: begun, cause: 'they are half-way' }]
    : retirements(present, former);
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

function promotion({ name }: ReachableView): ShapeStep {
  return { type: 'reset', node: name, cause: 'it is to be a primary' };
}

/** A node with replicas that stay is not let go before they follow somebody else. */
function retirements(present: readonly ReachableView[], former: readonly ReachableView[]): ShapeStep[] {
  const followed = new Set(present.map(({ table: { myself } }) => myself.primaryId));
  const roles = ['replica', 'primary'];
  return (
    former
      .filter((view) => !ownsSlots(view) && !followed.has(view.table.myself.id))
      // A replica refuses to forget its own primary: it leaves first.
      .toSorted((one, other) => roles.indexOf(one.table.myself.role) - roles.indexOf(other.table.myself.role))
      .map(({ name }) => ({ type: 'retire', node: name, cause: 'not in the YAML file any more, and owns nothing' }))
  );
}

/**
 * While `up` moves slots for another shape, the last slot of each move, and no other of that pair of nodes, is open on the
 * target only: see `executeMoves`. So an interrupted run can be told from one that is done.
 */
function isMarked(views: readonly ReachableView[]): boolean {
  const openings = (kind: OpenSlot['direction']): readonly OpenSlot[] =>
    views.flatMap(({ table: { myself } }) => myself.openSlots.filter(({ direction }) => direction === kind));
  const leaving = new Set(openings('migrating').map(({ slot }) => slot));
  const ids = new Set(views.map(({ table }) => table.myself.id));
  return views.some(({ table: { myself } }) => {
    const alone = myself.openSlots.filter(
      ({ slot, direction, nodeId }) => direction === 'importing' && ids.has(nodeId) && !leaving.has(slot),
    );
    return alone.some(({ nodeId }) => alone.filter((other) => other.nodeId === nodeId).length === 1);
  });
}
