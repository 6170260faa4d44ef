import { SLOT_COUNT, type SlotRange } from './slots.ts';
import type { ReachableView } from './view.ts';

/** What the nodes say of one slot. */
export interface SlotClaims {
  readonly slot: number;
  /** Nodes that say that the slot is their own. */
  readonly claimants: readonly ReachableView[];
  /** For each view, in their order: the id of the owner that it believes in. */
  readonly believed: readonly (string | undefined)[];
  readonly openings: readonly Opening[];
}

export interface Opening {
  readonly view: ReachableView;
  readonly direction: 'migrating' | 'importing';
  /** The node at the other end. */
  readonly nodeId: string;
}

/** The slots of which not every node says that the same node owns it, or that are open on any of them; ascending. */
export function surveySlots(views: readonly ReachableView[]): SlotClaims[] {
  const owners = views.map(ownerOfEachSlot);
  const openings = openingsOfEachSlot(views);
  const ids = new Set(views.map(({ table }) => table.myself.id));
  const slots: SlotClaims[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
    const owner = owners[0]?.[slot];
    const isAgreed = owner !== undefined && ids.has(owner) && owners.every((own) => own[slot] === owner);
    const open = openings.get(slot) ?? [];
    if (isAgreed && open.length === 0) continue;
    const believed = owners.map((own) => own[slot]);
    const claimants = views.filter((view, index) => believed[index] === view.table.myself.id);
    slots.push({ slot, claimants, believed, openings: open });
  }
  return slots;
}

/** The claimant whose claim will stand: gossip gives a slot to the highest epoch. */
export function strongestClaim({ claimants }: Pick<SlotClaims, 'claimants'>): ReachableView | undefined {
  const [strongest] = claimants.toSorted((one, other) => epochOf(other) - epochOf(one));
  return strongest;
}

export function epochOf({ table }: ReachableView): number {
  return table.myself.configEpoch;
}

/** Slots in ascending order as the fewest ranges. */
export function toRanges(slots: readonly number[]): SlotRange[] {
  const starts = slots.filter((slot, index) => slot !== (slots[index - 1] ?? Number.NaN) + 1);
  const ends = slots.filter((slot, index) => slot !== (slots[index + 1] ?? Number.NaN) - 1);
  return starts.map((start, index) => ({ start, end: ends[index] ?? start }));
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

function ownerOfEachSlot({ table }: ReachableView): readonly (string | undefined)[] {
  const owners = Array.from<string | undefined>({ length: SLOT_COUNT });
  for (const { id, slots } of table.rows) {
    for (const { start, end } of slots) owners.fill(id, start, end + 1);
  }
  return owners;
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
