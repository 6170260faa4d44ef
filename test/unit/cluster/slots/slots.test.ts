import { describe, expect, test } from 'vitest';
import { countSlots, divideSlots, formatRange, formatRanges, SLOT_COUNT } from '../../../../src/cluster/slots/slots.ts';
import { at } from '../../../helpers/builders.ts';

describe('divideSlots', () => {
  test('gives three primaries what redis-cli --cluster create gives them', () => {
    expect(formatRanges(divideSlots(3))).toBe('0-5460 5461-10922 10923-16383');
  });

  test('gives six primaries what redis-cli --cluster create gives them', () => {
    expect(formatRanges(divideSlots(6))).toBe('0-2730 2731-5460 5461-8191 8192-10922 10923-13652 13653-16383');
  });

  test('for 1 to 1000 primaries: every slot once, without a gap, and nobody has more than one slot more', () => {
    for (let parts = 1; parts <= 1000; parts += 1) {
      const ranges = divideSlots(parts);
      expect(ranges).toHaveLength(parts);
      expect(at(ranges, 0).start).toBe(0);
      expect(at(ranges, parts - 1).end).toBe(SLOT_COUNT - 1);
      const gaps = ranges.slice(1).filter(({ start }, index) => start !== at(ranges, index).end + 1);
      expect(gaps).toEqual([]);
      const sizes = ranges.map((range) => countSlots([range]));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });
});

test('a range of one slot is written as one number', () => {
  expect(formatRange({ start: 7, end: 7 })).toBe('7');
  expect(
    formatRanges([
      { start: 0, end: 2 },
      { start: 5, end: 5 },
    ]),
  ).toBe('0-2 5');
});

test('both ends of a range count', () => {
  expect(countSlots([])).toBe(0);
  expect(
    countSlots([
      { start: 0, end: 0 },
      { start: 10, end: 19 },
    ]),
  ).toBe(11);
});
