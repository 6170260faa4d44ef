export const SLOT_COUNT = 16384;

/** Both ends belong to it. */
export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

/**
 * All slots in `parts` contiguous ranges whose sizes differ by one at most, with the rounding of `redis-cli --cluster
 * create`: 3 parts are 0-5460, 5461-10922, 10923-16383.
 */
export function divideSlots(parts: number): SlotRange[] {
  const perPart = SLOT_COUNT / parts;
  return Array.from({ length: parts }, (_, index) => ({
    start: index === 0 ? 0 : Math.round(perPart * index - 1) + 1,
    end: index === parts - 1 ? SLOT_COUNT - 1 : Math.round(perPart * (index + 1) - 1),
  }));
}

export function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
}

export function holdsSlot(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(({ start, end }) => start <= slot && slot <= end);
}

/** Whether each of `parts` is within one of `ranges`. */
export function holdsRanges(ranges: readonly SlotRange[], parts: readonly SlotRange[]): boolean {
  return parts.every((part) => ranges.some(({ start, end }) => start <= part.start && part.end <= end));
}

export function formatRange({ start, end }: SlotRange): string {
  return start === end ? String(start) : `${start}-${end}`;
}

export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(formatRange).join(' ');
}

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

/** `slots` in groups of at most `most`. */
export function batchesOf(slots: readonly number[], most: number): (readonly number[])[] {
  const count = Math.ceil(slots.length / most);
  return Array.from({ length: count }, (_, index) => slots.slice(index * most, (index + 1) * most));
}
