import { expect, test } from 'vitest';
import { findOpenMoves, halfWayText } from '../../../../src/cluster/slots/open-moves.ts';
import { rangesOf, slotsOf } from '../../../../src/cluster/slots/slots.ts';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { viewOf } from '../../../helpers/builders.ts';

const IDS: Readonly<Record<string, string>> = { a: 'a'.repeat(40), b: 'b'.repeat(40), c: 'c'.repeat(40) };
const SLOTS: Readonly<Record<string, string>> = { a: '0-5460', b: '5461-10922', c: '10923-16383' };

/** Three primaries; `open` is what each has at the end of its own line. */
function viewsWith(open: Readonly<Record<string, string>>): ReachableView[] {
  return Object.keys(IDS).map((self) => {
    const rows = Object.entries(IDS).map(([name, id], index) => {
      const flags = name === self ? 'myself,master' : 'master';
      const own = name === self ? (open[self] ?? '') : '';
      return `${id} 10.0.0.${index}:6379@16379 ${flags} - 0 0 ${index} connected ${SLOTS[name]} ${own}`;
    });
    return viewOf(self, rows.join('\n'), { nodeCount: 3, primaryCount: 3 });
  });
}

test('a whole cluster has no open moves', () => {
  expect(findOpenMoves(viewsWith({}))).toEqual({ begun: [], handedOver: [], unclear: [] });
});

test('a move is begun when either end or both know of it, as long as the first node owns the slot', () => {
  const open = findOpenMoves(
    viewsWith({ a: `[5->-${IDS['b']}] [7->-${IDS['b']}]`, b: `[7-<-${IDS['a']}] [6-<-${IDS['a']}]` }),
  );
  expect(open).toEqual({ begun: [{ from: 'a', to: 'b', slots: [5, 6, 7] }], handedOver: [], unclear: [] });
  expect(open.begun.map(halfWayText)).toEqual(['slots 5-7 are half-way from a to b']);
});

test('a slot that the second node owns already was handed over; only the first has it open', () => {
  const { handedOver, begun } = findOpenMoves(viewsWith({ a: `[6000->-${IDS['b']}]` }));
  expect(handedOver).toEqual([{ from: 'a', to: 'b', slots: [6000] }]);
  expect(begun).toEqual([]);
});

test('whatever fits no owner, or goes two ways, or to nobody, is unclear', () => {
  const stranger = 'd'.repeat(40);
  expect(findOpenMoves(viewsWith({ b: `[12000-<-${IDS['a']}]` })).unclear).toEqual([
    { from: 'a', to: 'b', slots: [12_000] },
  ]);
  expect(findOpenMoves(viewsWith({ a: `[5->-${IDS['b']}]`, c: `[5-<-${IDS['a']}]` })).unclear).toHaveLength(2);
  expect(findOpenMoves(viewsWith({ a: `[5->-${stranger}]` })).unclear.map(halfWayText)).toEqual([
    `slot 5 is half-way from a to ${stranger}`,
  ]);
});

test('ranges and slots are two ways to write the same', () => {
  const ranges = [
    { start: 0, end: 2 },
    { start: 5, end: 5 },
    { start: 7, end: 8 },
  ];
  expect(slotsOf(ranges.toReversed())).toEqual([0, 1, 2, 5, 7, 8]);
  expect(rangesOf([0, 1, 2, 5, 7, 8])).toEqual(ranges);
  expect(rangesOf([])).toEqual([]);
});
