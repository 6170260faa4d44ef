import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { columnsOf, NOBODY, ownerNames, runAt, runsOf, slotMap } from '../../../../../src/api/page/slots/slot-map.ts';
import { divideSlots } from '../../../../../src/cluster/slots/slots.ts';

const NAMES = ['redis-1', 'redis-2', 'redis-3'];
const THREE = slotMap(
  divideSlots(3).map((range, index) => ({ ...range, node: NAMES[index] ?? '' })),
  NAMES,
);

test('owners have the numbers of the nodes in the file; others come behind', () => {
  expect(
    ownerNames({
      nodes: [{ name: 'redis-1' }, { name: 'redis-2' }],
      slots: [{ start: 0, end: 9, node: 'f00d' }],
      moves: [{ from: 'redis-2', to: 'beef', slots: [], count: 0 }],
    }),
  ).toEqual(['redis-1', 'redis-2', 'f00d', 'beef']);
});

test('neighbouring ranges of one owner are one run, and a gap is a run of nobody', () => {
  const map = slotMap(
    [
      { start: 0, end: 99, node: 'redis-1' },
      { start: 100, end: 199, node: 'redis-1' },
      { start: 300, end: 16383, node: 'redis-2' },
    ],
    NAMES,
  );
  expect(runsOf(map)).toEqual([
    { start: 0, end: 199, owner: 0 },
    { start: 200, end: 299, owner: NOBODY },
    { start: 300, end: 16383, owner: 1 },
  ]);
  expect(runAt(map, 250)).toEqual({ start: 200, end: 299, owner: NOBODY });
});

test('three ranges are three blocks, and the columns between them are of both', () => {
  const columns = columnsOf(THREE, { start: 0, end: 16383 }, 1000);
  const blocks = columns.filter(({ shares }) => shares.length === 1);
  expect(blocks.map(({ shares }) => shares[0]?.owner)).toEqual([0, 1, 2]);
  expect(columns.reduce((sum, { width }) => sum + width, 0)).toBe(1000);
});

test('a slot alone is seen in the picture', () => {
  const map = THREE.slice();
  map[2000] = 2;
  const column = columnsOf(map, { start: 0, end: 16383 }, 320).find(({ shares }) => shares.length > 1);
  expect(column).toMatchObject({ x: 39, width: 1, shares: [{ owner: 0 }, { owner: 2 }] });
});

test('slots that are wider than a column keep their place', () => {
  expect(columnsOf(THREE, { start: 5459, end: 5462 }, 400)).toEqual([
    { x: 0, width: 200, shares: [{ owner: 0, share: 1 }] },
    { x: 200, width: 200, shares: [{ owner: 1, share: 1 }] },
  ]);
});

test('however the slots are divided: every owner is in the picture, and it has no holes', () => {
  const starts = fc.uniqueArray(fc.integer({ min: 1, max: 16383 }), { maxLength: 300 });
  fc.assert(
    fc.property(starts, fc.integer({ min: 100, max: 3000 }), (unsorted, width) => {
      const edges = [0, ...unsorted.toSorted((one, other) => one - other)];
      const names = edges.map((_, index) => `redis-${index}`);
      const slots = edges.map((start, index) => ({
        start,
        end: (edges[index + 1] ?? 16384) - 1,
        node: `redis-${index}`,
      }));
      const columns = columnsOf(slotMap(slots, names), { start: 0, end: 16383 }, width);
      let next = 0;
      for (const { x, width: columnWidth, shares } of columns) {
        expect(x).toBe(next);
        expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
        next += columnWidth;
      }
      expect(next).toBe(width);
      expect(new Set(columns.flatMap(({ shares }) => shares.map(({ owner }) => owner))).size).toBe(edges.length);
    }),
    { numRuns: 30 },
  );
});
