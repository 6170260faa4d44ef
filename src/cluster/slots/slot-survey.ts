import { SLOT_COUNT, slotsOf } from './slots.ts';
import type { ReachableView } from '../nodes/view.ts';

/** Slots next to each other of which every node says the same. */
export interface SlotClaims {
  /** Ascending. */
  readonly slots: readonly number[];
  /** Nodes that say that the slots are their own. */
  readonly claimants: readonly ReachableView[];
  /** For each view, in their order: the id of the owner that it believes in. */
  readonly believed: readonly (string | undefined)[];
  readonly openings: readonly Opening[];
}

interface Opening {
  readonly view: ReachableView;
  readonly direction: 'migrating' | 'importing';
  /** The node at the other end. */
  readonly nodeId: string;
}

/** The slots of which not every node says that the same node owns it, or that are open on any of them; ascending. */
export function surveySlots(views: readonly ReachableView[]): SlotClaims[] {
  const openings = openingsOfEachSlot(views);
  const owners = views.map(ownerInAscendingOrder);
  const ids = new Set(views.map(({ table }) => table.myself.id));
  const starts = runStarts(views, [...openings.keys()]);
  return starts.flatMap((start, index): SlotClaims[] => {
    const believed = owners.map((ownerOf) => ownerOf(start));
    const [owner] = believed;
    const isAgreed = owner !== undefined && ids.has(owner) && believed.every((id) => id === owner);
    const open = openings.get(start) ?? [];
    if (isAgreed && open.length === 0) return [];
    const claimants = views.filter((view, at) => believed[at] === view.table.myself.id);
    const end = (starts[index + 1] ?? SLOT_COUNT) - 1;
    return [{ slots: slotsOf([{ start, end }]), claimants, believed, openings: open }];
  });
}

/** The claimant whose claim will stand: gossip gives a slot to the highest epoch. */
export function strongestClaim({ claimants }: Pick<SlotClaims, 'claimants'>): ReachableView | undefined {
  const [strongest] = claimants.toSorted((one, other) => epochOf(other) - epochOf(one));
  return strongest;
}

export function epochOf({ table }: ReachableView): number {
  return table.myself.configEpoch;
}

/** Items of the same key together, in the order in which the keys first come. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Where anything may change from one slot to the next: of the slots in between, every node says the same. */
function runStarts(views: readonly ReachableView[], open: readonly number[]): number[] {
  const ranges = views.flatMap(({ table }) => table.rows.flatMap(({ slots }) => slots));
  const starts = new Set([0, ...open.flatMap((slot) => [slot, slot + 1])]);
  for (const { start, end } of ranges) starts.add(start).add(end + 1);
  return [...starts].filter((slot) => slot < SLOT_COUNT).toSorted((one, other) => one - other);
}

/** Tells the owner that a node believes in, of slots that are asked for in ascending order. */
function ownerInAscendingOrder({ table }: ReachableView): (slot: number) => string | undefined {
  const ranges = table.rows
    .flatMap(({ id, slots }) => slots.map((range) => ({ ...range, id })))
    .toSorted((one, other) => one.start - other.start);
  let at = 0;
  return (slot) => {
    while ((ranges[at]?.end ?? SLOT_COUNT) < slot) at += 1;
    const range = ranges[at];
    return range !== undefined && range.start <= slot ? range.id : undefined;
  };
}

function openingsOfEachSlot(views: readonly ReachableView[]): ReadonlyMap<number, readonly Opening[]> {
  const openings = new Map<number, Opening[]>();
  for (const view of views) {
    for (const { slot, direction, nodeId } of view.table.myself.openSlots) {
      openings.set(slot, [...(openings.get(slot) ?? []), { view, direction, nodeId }]);
    }
  }
  return openings;
}
