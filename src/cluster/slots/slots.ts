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

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
}

export function holdsSlot(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(({ start, end }) => start <= slot && slot <= end);
}

export function formatRange({ start, end }: SlotRange): string {
  return start === end ? String(start) : `${start}-${end}`;
}

export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(formatRange).join(' ');
}
