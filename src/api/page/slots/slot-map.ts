import { SLOT_COUNT, type SlotRange } from '../../../cluster/slots/slots.ts';
import type { LiveState } from '../../inspection/live-state.ts';

export const NOBODY = -1;

export const ALL_SLOTS: SlotRange = { start: 0, end: SLOT_COUNT - 1 };

/** Slot → the number of its owner, or NOBODY. */
export type SlotMap = Int16Array;

/** Slots in a row that have one owner. */
export interface Run extends SlotRange {
  readonly owner: number;
}

/** What slots have to do with, of a state. */
export interface Owned extends Pick<LiveState, 'slots' | 'moves'> {
  readonly nodes: readonly { readonly name: string }[];
}

/** What stands in one or more columns of pixels: every owner in it, with its share of 1. */
export interface Column {
  readonly x: number;
  readonly width: number;
  readonly shares: readonly { readonly owner: number; readonly share: number }[];
}

/** Who can own slots: the nodes in their order, behind them whoever else is named. The place is the owner's number. */
export function ownerNames({ nodes, slots, moves }: Owned): string[] {
  return [
    ...new Set([
      ...nodes.map(({ name }) => name),
      ...slots.map(({ node }) => node),
      ...moves.flatMap(({ from, to }) => [from, to]),
    ]),
  ];
}

export function slotMap(slots: LiveState['slots'], names: readonly string[]): SlotMap {
  const numbers = new Map(names.map((name, index) => [name, index]));
  const map: SlotMap = new Int16Array(SLOT_COUNT).fill(NOBODY);
  for (const { start, end, node } of slots) map.fill(numbers.get(node) ?? NOBODY, start, end + 1);
  return map;
}

/** All slots in runs as long as they can be, those without an owner among them. */
export function runsOf(map: SlotMap): Run[] {
  const runs: Run[] = [];
  for (let start = 0; start < map.length;) {
    const run = runAt(map, start);
    runs.push(run);
    start = run.end + 1;
  }
  return runs;
}

/** The run that a slot is in. */
export function runAt(map: SlotMap, slot: number): Run {
  const owner = map[slot] ?? NOBODY;
  let [start, end] = [slot, slot];
  while (start > 0 && map[start - 1] === owner) start -= 1;
  while (end < map.length - 1 && map[end + 1] === owner) end += 1;
  return { start, end, owner };
}

/**
 * The slots of `range` over `width` columns of pixels. Where several slots share a column, each owner has its share of
 * it, so that not even a single slot is left out of the picture. Neighbours that look the same are one.
 */
export function columnsOf(map: SlotMap, range: SlotRange, width: number): Column[] {
  const perColumn = (range.end - range.start + 1) / width;
  const columns: Column[] = [];
  for (let x = 0; x < width; x += 1) {
    const first = range.start + Math.floor(x * perColumn);
    const last = Math.max(first, range.start + Math.ceil((x + 1) * perColumn) - 1);
    const shares = sharesOf(map.subarray(first, last + 1));
    const before = columns.at(-1);
    if (before?.shares.length === 1 && shares.length === 1 && before.shares[0]?.owner === shares[0]?.owner) {
      columns[columns.length - 1] = { ...before, width: before.width + 1 };
    } else {
      columns.push({ x, width: 1, shares });
    }
  }
  return columns;
}

function sharesOf(owners: SlotMap): Column['shares'] {
  const [first = NOBODY] = owners;
  if (owners.every((owner) => owner === first)) return [{ owner: first, share: 1 }];
  const counts = new Map<number, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts]
    .toSorted(([one], [other]) => one - other)
    .map(([owner, count]) => ({ owner, share: count / owners.length }));
}
