import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRebalance, type RebalanceRequest } from '../../../../src/cluster/slots/plan-rebalance.ts';
import {
  rangesOf,
  slotsOf,
  type SlotMove,
  type SlotOwner,
  countSlots,
  divideSlots,
  formatRanges,
} from '../../../../src/cluster/slots/slots.ts';
import { at } from '../../../helpers/builders.ts';
import { anyOwners, applyMoves, countOf, interrupted, owner } from '../../../helpers/slot-moves.ts';

const DEFAULTS: RebalanceRequest = { weights: new Map(), thresholdPercent: 2, useEmptyPrimaries: false };

function textOf(moves: readonly SlotMove[]): string[] {
  return moves.map(({ from, to, slots }) => `${from} → ${to} ${formatRanges(rangesOf(slots))}`);
}

function countsOf(owners: readonly SlotOwner[]): number[] {
  return owners.map(({ slots }) => countSlots(slots));
}

describe('a small cluster', () => {
  test('that is even stays as it is', () => {
    const owners = divideSlots(3).map((range, index) => ({ name: `redis-${index + 1}`, slots: [range] }));
    expect(planRebalance(owners, { ...DEFAULTS, thresholdPercent: 0 })).toEqual([]);
  });

  test('gets back what a reshard took', () => {
    const owners = [owner('a', [1000, 5460]), owner('b', [5461, 10_922]), owner('c', [0, 999], [10_923, 16_383])];
    expect(textOf(planRebalance(owners, DEFAULTS))).toEqual(['c → a 0-999']);
  });

  test('gives the slots that adjoin those of the taker', () => {
    const owners = [owner('a', [0, 6460]), owner('b', [6461, 10_922]), owner('c', [10_923, 16_383])];
    expect(textOf(planRebalance(owners, DEFAULTS))).toEqual(['a → b 5462-6460']);
  });

  test('is left alone within the threshold, and not beyond it', () => {
    const owners = [owner('a', [0, 101]), owner('b', [102, 199])];
    expect(planRebalance(owners, DEFAULTS)).toEqual([]);
    expect(textOf(planRebalance(owners, { ...DEFAULTS, thresholdPercent: 1.9 }))).toEqual(['a → b 100-101']);
  });

  test('with a node of weight 0 drains it, whatever the threshold', () => {
    const owners = [owner('a', [0, 9]), owner('b', [10, 504]), owner('c', [505, 999])];
    const request = { ...DEFAULTS, weights: new Map([['a', 0]]), thresholdPercent: 99 };
    expect(textOf(planRebalance(owners, request))).toEqual(['a → b 5-9', 'a → c 0-4']);
  });

  test('fills an empty primary only when told to, even one whose weight is named', () => {
    const owners = [owner('a', [0, 99]), owner('b', [100, 199]), owner('c')];
    const request = { ...DEFAULTS, weights: new Map([['c', 2]]) };
    expect(planRebalance(owners, request)).toEqual([]);
    const after = applyMoves(owners, planRebalance(owners, { ...request, useEmptyPrimaries: true }));
    expect(countsOf(after)).toEqual([50, 50, 100]);
  });

  test('in pairs that fit each other, which can work side by side', () => {
    const owners = [owner('a', [0, 149]), owner('b', [150, 324]), owner('c', [325, 349]), owner('d', [350, 399])];
    const pairs = planRebalance(owners, DEFAULTS).map(({ from, to }) => `${from} → ${to}`);
    expect(pairs).toEqual(['b → c', 'a → d']);
  });

  test('with nobody left to take the slots keeps them where they are', () => {
    const request = { ...DEFAULTS, weights: new Map([['a', 0]]) };
    expect(planRebalance([owner('a', [0, 99]), owner('b')], request)).toEqual([]);
    expect(planRebalance([], DEFAULTS)).toEqual([]);
  });

  test('finishes slots that are half-way and on the way to balance, though it is within the threshold', () => {
    const owners = [owner('a', [0, 101]), owner('b', [102, 199])];
    const begun = [{ from: 'a', to: 'b', slots: [40, 41] }];
    expect(textOf(planRebalance(owners, { ...DEFAULTS, begun }))).toEqual(['a → b 40-41']);
    const wrongWay = [{ from: 'b', to: 'a', slots: [110] }];
    expect(textOf(planRebalance(owners, { ...DEFAULTS, begun: wrongWay }))).toEqual(['a → b 100-101']);
  });
});

const anyWeight = fc.oneof(
  fc.constantFrom(0, 1, 2),
  fc.integer({ min: 0, max: 100 }),
  fc.double({ min: 0.001, max: 1000, noNaN: true }),
);
/** No threshold: everything that can be better is made better. */
const anyCase = fc
  .tuple(anyOwners, fc.array(fc.option(anyWeight), { minLength: 8, maxLength: 8 }), fc.boolean())
  .map(([owners, weights, useEmptyPrimaries]) => {
    const named = owners.flatMap(({ name }, index) => {
      const weight = weights[index] ?? undefined;
      return weight === undefined ? [] : [[name, weight] as const];
    });
    return { owners, request: { weights: new Map(named), thresholdPercent: 0, useEmptyPrimaries } };
  })
  .filter(({ owners, request }) => totalWeight(owners, request) > 0);

/** 0 for who takes no part. */
function weightsOf(owners: readonly SlotOwner[], { weights, useEmptyPrimaries }: RebalanceRequest): number[] {
  return owners.map(({ name, slots }) => (useEmptyPrimaries || slots.length > 0 ? (weights.get(name) ?? 1) : 0));
}

function totalWeight(owners: readonly SlotOwner[], request: RebalanceRequest): number {
  return weightsOf(owners, request).reduce((sum, weight) => sum + weight, 0);
}

function sharesOf(owners: readonly SlotOwner[], request: RebalanceRequest): number[] {
  const total = countsOf(owners).reduce((sum, count) => sum + count, 0);
  return weightsOf(owners, request).map((weight) => (total * weight) / totalWeight(owners, request));
}

describe('in any cluster, with any weights', () => {
  test('no slot is lost, none moves twice, and only from its owner to another', () => {
    fc.assert(
      fc.property(anyCase, ({ owners, request }) => {
        const moves = planRebalance(owners, request);
        const after = applyMoves(owners, moves);
        const all = (some: readonly SlotOwner[]): number[] => slotsOf(some.flatMap(({ slots }) => slots));
        expect(all(after)).toEqual(all(owners));
        const moved = moves.flatMap(({ slots }) => slots);
        expect(new Set(moved).size).toBe(moved.length);
        expect(moves.filter(({ slots }) => slots.length === 0)).toEqual([]);
      }),
    );
  });

  test('everybody ends within one slot of the exact share, and who weighs nothing with nothing', () => {
    fc.assert(
      fc.property(anyCase, ({ owners, request }) => {
        const counts = countsOf(applyMoves(owners, planRebalance(owners, request)));
        for (const [index, share] of sharesOf(owners, request).entries()) {
          const count = at(counts, index);
          expect(Math.abs(count - share)).toBeLessThan(1 + 1e-6);
          expect(share === 0 ? count : 0).toBe(0);
        }
      }),
    );
  });

  test('no other way to round the shares moves fewer slots, and a node that gives takes none', () => {
    fc.assert(
      fc.property(anyCase, ({ owners, request }) => {
        const moves = planRebalance(owners, request);
        const before = countsOf(owners);
        const after = countsOf(applyMoves(owners, moves));
        const surplus = before.reduce((sum, count, index) => sum + Math.max(0, count - at(after, index)), 0);
        expect(countOf(moves)).toBe(surplus);
        const takers = new Set(moves.map(({ to }) => to));
        expect(moves.filter(({ from }) => takers.has(from))).toEqual([]);
        expect(countOf(moves)).toBe(fewestMoves(before, sharesOf(owners, request)));
      }),
    );
  });

  test('the pairs of nodes are fewer than the nodes, and each is named once', () => {
    fc.assert(
      fc.property(anyCase, ({ owners, request }) => {
        const pairs = planRebalance(owners, request).map(({ from, to }) => `${from} → ${to}`);
        expect(pairs.length).toBeLessThan(owners.length);
        expect(new Set(pairs).size).toBe(pairs.length);
      }),
    );
  });

  test('a second plan after the first is empty, whatever the threshold', () => {
    fc.assert(
      fc.property(anyCase, fc.double({ min: 0, max: 50, noNaN: true }), ({ owners, request }, thresholdPercent) => {
        const asked = { ...request, thresholdPercent };
        const after = applyMoves(owners, planRebalance(owners, asked));
        // A share below one slot may leave a node with none, and then it takes no part any more.
        const stay = weightsOf(after, asked).filter((weight) => weight > 0);
        fc.pre(stay.length === weightsOf(owners, asked).filter((weight) => weight > 0).length);
        expect(planRebalance(after, asked)).toEqual([]);
      }),
    );
  });

  test('nothing moves exactly where everybody is within the threshold, or as near as whole slots come', () => {
    fc.assert(
      fc.property(anyCase, fc.double({ min: 0.1, max: 50, noNaN: true }), ({ owners, request }, thresholdPercent) => {
        const shares = sharesOf(owners, request);
        const isWithin = countsOf(owners).every((count, index) => {
          const share = at(shares, index);
          return Math.abs(count - share) <= 1e-6 || (Math.abs(count - share) / share) * 100 <= thresholdPercent;
        });
        const moves = planRebalance(owners, { ...request, thresholdPercent });
        expect(moves).toEqual(isWithin ? [] : planRebalance(owners, request));
      }),
    );
  });

  test('the same question has the same answer', () => {
    fc.assert(
      fc.property(anyCase, ({ owners, request }) => {
        expect(planRebalance(owners, request)).toEqual(planRebalance(structuredClone(owners), request));
      }),
    );
  });

  test('after a kill, the next run moves exactly what is missing, and finishes what was half-way', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyCase, share, share, ({ owners, request }, doneShare, begunShare) => {
        // An empty primary that has got its first slot takes part in the next run: only with the flag is that the same.
        const asked = { ...request, useEmptyPrimaries: true };
        const moves = planRebalance(owners, asked);
        const { done, begun } = interrupted(moves, doneShare, begunShare);
        const rest = planRebalance(applyMoves(owners, done), { ...asked, begun });
        expect(countOf(done) + countOf(rest)).toBe(countOf(moves));
        for (const { from, to, slots } of begun) {
          const planned = rest.find((move) => move.from === from && move.to === to);
          expect(planned?.slots).toEqual(expect.arrayContaining([...slots]));
        }
      }),
    );
  });
});

/** Over all ways to round each share up or down so that they add up. */
function fewestMoves(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = shares.map((share) => (Math.abs(share - Math.round(share)) < 1e-6 ? Math.round(share) : share));
  let fewest = Infinity;
  for (let ways = 0; ways < 2 ** counts.length; ways += 1) {
    const targets = whole.map((share, index) => ((ways >> index) & 1 ? Math.ceil(share) : Math.floor(share)));
    if (targets.reduce((sum, target) => sum + target, 0) !== total) continue;
    const moved = counts.reduce((sum, count, index) => sum + Math.max(0, count - at(targets, index)), 0);
    fewest = Math.min(fewest, moved);
  }
  return fewest;
}
