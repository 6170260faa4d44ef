import * as fc from 'fast-check';
import { rangesOf, slotsOf, type SlotMove, type SlotOwner } from '../../src/cluster/slots/slots.ts';

/** Who owns what after `moves`. @throws Error where a node gives what it doesn't have, or to itself or nobody */
export function applyMoves(owners: readonly SlotOwner[], moves: readonly SlotMove[]): SlotOwner[] {
  const owned = new Map(owners.map(({ name, slots }) => [name, new Set(slotsOf(slots))]));
  for (const { from, to, slots } of moves) {
    const [source, target] = [owned.get(from), owned.get(to)];
    if (source === undefined || target === undefined || from === to) throw new Error(`${from} to ${to}`);
    for (const slot of slots) {
      if (!source.delete(slot)) throw new Error(`${from} does not own ${slot}`);
      target.add(slot);
    }
  }
  return [...owned].map(([name, slots]) => ({
    name,
    slots: rangesOf([...slots].toSorted((one, other) => one - other)),
  }));
}

export function countOf(moves: readonly SlotMove[]): number {
  return moves.reduce((sum, { slots }) => sum + slots.length, 0);
}

/** A primary with one contiguous range; `to` is its last slot. */
export function owner(name: string, ...ranges: readonly (readonly [start: number, end: number])[]): SlotOwner {
  return { name, slots: ranges.map(([start, end]) => ({ start, end })) };
}

/**
 * 1 to 8 primaries that own slots in whatever pieces, some none: the slots are dealt out in runs, so that both long ranges
 * and single slots appear.
 */
export const anyOwners: fc.Arbitrary<SlotOwner[]> = fc
  .tuple(
    fc.integer({ min: 1, max: 8 }),
    fc.array(fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 400 }))), {
      maxLength: 24,
    }),
  )
  .map(([nodeCount, deals]) => {
    const slots = Array.from({ length: nodeCount }, (): number[] => []);
    let next = 0;
    for (const [pick, length] of deals) {
      for (let index = 0; index < length; index += 1) slots[pick % nodeCount]?.push(next + index);
      next += length;
    }
    return slots.map((owned, index) => ({ name: `redis-${index + 1}`, slots: rangesOf(owned) }));
  });

/** Some of what was planned, as if the run had been killed: what is done, and what is half-way. */
export interface Interruption {
  readonly done: readonly SlotMove[];
  readonly begun: readonly SlotMove[];
}

export function interrupted(moves: readonly SlotMove[], doneShare: number, begunShare: number): Interruption {
  const parts = moves.map(({ slots, ...route }) => {
    const doneCount = Math.floor(slots.length * doneShare);
    const begunCount = Math.ceil((slots.length - doneCount) * begunShare);
    return {
      done: { ...route, slots: slots.slice(0, doneCount) },
      begun: { ...route, slots: slots.slice(doneCount, doneCount + begunCount) },
    };
  });
  const isMove = ({ slots }: SlotMove): boolean => slots.length > 0;
  return {
    done: parts.map(({ done }) => done).filter(isMove),
    begun: parts.map(({ begun }) => begun).filter(isMove),
  };
}
