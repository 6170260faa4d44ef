import { slotsOf, sumOf, type SlotMove, type SlotOwner } from './slots.ts';

interface ReshardRequest {
  readonly from: readonly string[];
  readonly to: string;
  /** Of all sources together. */
  readonly count: number;
  /** Moves that an interrupted run left half-way. Those from a source to the target are finished, and count. */
  readonly begun?: readonly SlotMove[];
}

/**
 * Takes `count` slots from the sources in proportion to what they own, the lowest of each first; all that they own where
 * that is less. One move a source, none empty. Begun moves are taken whole, be it that `count` is below them.
 */
export function planReshard(owners: readonly SlotOwner[], { from, to, count, begun = [] }: ReshardRequest): SlotMove[] {
  const sources = owners
    .filter(({ name }) => name !== to && from.includes(name))
    .map(({ name, slots }) => {
      const started = new Set(
        begun.filter((move) => move.from === name && move.to === to).flatMap((move) => move.slots),
      );
      const owned = slotsOf(slots);
      return {
        name,
        first: owned.filter((slot) => started.has(slot)),
        rest: owned.filter((slot) => !started.has(slot)),
      };
    });
  const firstCount = sumOf(sources.map(({ first }) => first.length));
  const parts = divideInProportion(
    Math.max(count - firstCount, 0),
    sources.map(({ rest }) => rest.length),
  );
  return sources
    .map(({ name, first, rest }, index) => {
      const slots = [...first, ...rest.slice(0, parts[index])].toSorted((one, other) => one - other);
      return { from: name, to, slots };
    })
    .filter(({ slots }) => slots.length > 0);
}

/** Whole parts that add up to `count` exactly, none above its size: rounded down, then one more for the largest remainders. */
function divideInProportion(count: number, sizes: readonly number[]): number[] {
  const total = sumOf(sizes);
  if (count >= total) return [...sizes];
  const parts = sizes.map((size) => Math.floor((size * count) / total));
  const byRemainder = sizes
    .map((size, index) => ({ index, remainder: (size * count) % total }))
    .toSorted((one, other) => other.remainder - one.remainder);
  const raised = new Set(byRemainder.slice(0, count - sumOf(parts)).map(({ index }) => index));
  return parts.map((part, index) => (raised.has(index) ? part + 1 : part));
}
