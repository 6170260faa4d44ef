import type { SlotRange } from './slots.ts';

/** Slots that go from one primary to another, both by their names in the YAML file; ascending. */
export interface SlotMove {
  readonly from: string;
  readonly to: string;
  readonly slots: readonly number[];
}

/** A primary by its name in the YAML file, and what it owns: nothing, where it is an empty one. */
export interface SlotOwner {
  readonly name: string;
  readonly slots: readonly SlotRange[];
}

/** Every slot of `ranges`, ascending. */
export function slotsOf(ranges: readonly SlotRange[]): number[] {
  return ranges
    .flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, index) => start + index))
    .toSorted((one, other) => one - other);
}

/** The fewest ranges that hold exactly `slots`, which ascend. */
export function rangesOf(slots: readonly number[]): SlotRange[] {
  const starts = slots.filter((slot, index) => slots[index - 1] !== slot - 1);
  const ends = slots.filter((slot, index) => slots[index + 1] !== slot + 1);
  return starts.map((start, index) => ({ start, end: ends[index] ?? start }));
}
