import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planReshard } from '../../../../src/cluster/slots/plan-reshard.ts';
import { slotsOf, countSlots } from '../../../../src/cluster/slots/slots.ts';
import { at } from '../../../helpers/builders.ts';
import { anyOwners, applyMoves, countOf, interrupted, owner } from '../../../helpers/slot-moves.ts';

const EVEN = [owner('redis-1', [0, 5460]), owner('redis-2', [5461, 10_922]), owner('redis-3', [10_923, 16_383])];

test('one source gives its lowest slots', () => {
  const [move, ...more] = planReshard(EVEN, { from: ['redis-1'], to: 'redis-3', count: 1000 });
  expect(more).toEqual([]);
  expect(move).toEqual({ from: 'redis-1', to: 'redis-3', slots: Array.from({ length: 1000 }, (_, slot) => slot) });
});

test('several sources give in proportion to what they own, the rounding included', () => {
  const owners = [owner('a', [0, 99]), owner('b', [100, 399]), owner('c', [400, 999]), owner('d')];
  const moves = planReshard(owners, { from: ['a', 'b', 'c'], to: 'd', count: 101 });
  // 10.1, 30.3 and 60.6: the largest remainder gets the slot that is left.
  expect(moves.map(({ from, slots }) => `${from} ${slots.length}`)).toEqual(['a 10', 'b 30', 'c 61']);
});

test('a source whose part is nothing makes no move', () => {
  const owners = [owner('a', [0, 0]), owner('b', [1, 999]), owner('c', [1000, 1000])];
  expect(planReshard(owners, { from: ['a', 'b'], to: 'c', count: 1 })).toEqual([{ from: 'b', to: 'c', slots: [1] }]);
});

test('what an interrupted run left half-way goes first, and counts', () => {
  const begun = [
    { from: 'redis-1', to: 'redis-3', slots: [700, 701] },
    { from: 'redis-1', to: 'redis-2', slots: [9] },
    { from: 'redis-2', to: 'redis-3', slots: [5461] },
  ];
  const moves = planReshard(EVEN, { from: ['redis-1'], to: 'redis-3', count: 4, begun });
  expect(moves).toEqual([{ from: 'redis-1', to: 'redis-3', slots: [0, 1, 700, 701] }]);
});

const anyRequest = fc
  .tuple(
    anyOwners,
    fc.nat(),
    fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([owners, pick, picks, share]) => {
    const target = at(owners, pick % owners.length);
    const sources = owners.filter((one, index) => one !== target && picks[index] === true);
    const owned = countSlots(sources.flatMap(({ slots }) => slots));
    const request = { from: sources.map(({ name }) => name), to: target.name, count: Math.round(owned * share) };
    return { owners, sources, request };
  });

describe('in any cluster', () => {
  test('exactly as many slots move as asked for, each once, and nobody else is touched', () => {
    fc.assert(
      fc.property(anyRequest, ({ owners, request }) => {
        const moves = planReshard(owners, request);
        expect(countOf(moves)).toBe(request.count);
        const after = applyMoves(owners, moves);
        const all = (some: typeof owners): number[] => slotsOf(some.flatMap(({ slots }) => slots));
        expect(all(after)).toEqual(all(owners));
        const bystanders = owners.filter(({ name }) => name !== request.to && !request.from.includes(name));
        expect(after).toEqual(expect.arrayContaining(bystanders));
      }),
    );
  });

  test('each source gives its share to within one slot, its lowest ones, in one move that is not empty', () => {
    fc.assert(
      fc.property(anyRequest, ({ owners, sources, request }) => {
        const moves = planReshard(owners, request);
        const owned = countSlots(sources.flatMap(({ slots }) => slots));
        expect(new Set(moves.map(({ from }) => from)).size).toBe(moves.length);
        for (const { name, slots } of sources) {
          const given = moves.find(({ from }) => from === name)?.slots;
          const exact = owned === 0 ? 0 : (countSlots(slots) * request.count) / owned;
          expect(Math.abs((given?.length ?? 0) - exact)).toBeLessThan(1);
          expect(given).not.toEqual([]);
          expect(given ?? []).toEqual(slotsOf(slots).slice(0, given?.length ?? 0));
        }
      }),
    );
  });

  test('more than the sources have is all that they have', () => {
    fc.assert(
      fc.property(anyRequest, ({ owners, sources, request }) => {
        const all = { ...request, count: 16_384 };
        expect(countOf(planReshard(owners, all))).toBe(countSlots(sources.flatMap(({ slots }) => slots)));
      }),
    );
  });

  test('the same question has the same answer', () => {
    fc.assert(
      fc.property(anyRequest, ({ owners, request }) => {
        expect(planReshard(owners, request)).toEqual(planReshard(structuredClone(owners), structuredClone(request)));
      }),
    );
  });

  test('after a kill, the rest of the count finishes every slot that was half-way', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyRequest, share, share, ({ owners, request }, doneShare, begunShare) => {
        const { done, begun } = interrupted(planReshard(owners, request), doneShare, begunShare);
        const count = request.count - countOf(done);
        const moves = planReshard(applyMoves(owners, done), { ...request, count, begun });
        expect(countOf(moves)).toBe(count);
        for (const { from, slots } of begun) {
          expect(moves.find((move) => move.from === from)?.slots).toEqual(expect.arrayContaining([...slots]));
        }
      }),
    );
  });
});
