import { expect, test } from 'vitest';
import { slotPicture } from '../../../../src/cli/views/slot-picture.ts';
import { divideSlots } from '../../../../src/cluster/slots/slots.ts';

/** Colours as their first letters, so that a test can read them. */
const letters = (style: unknown, text: string): string => (String(style)[0] ?? '').repeat(text.length);

test('each owner has its share of the 256 cells, and a legend says who it is', () => {
  const owned = divideSlots(3).map((range, index) => ({ ...range, owner: `redis-${index + 1}` }));
  expect(slotPicture(owned, letters)).toBe(
    `    0 ${'c'.repeat(64)}
 4096 ${'c'.repeat(21)}${'m'.repeat(43)}
 8192 ${'m'.repeat(43)}${'y'.repeat(21)}
12288 ${'y'.repeat(64)}
      cc redis-1  mm redis-2  yy redis-3
`,
  );
});

test('a cell belongs to who owns most of it; nobody is a dot', () => {
  const owned = [
    { start: 0, end: 20, owner: 'one' },
    { start: 21, end: 63, owner: 'other' },
  ];
  const [first = ''] = slotPicture(owned, letters).split('\n');
  expect(first).toBe(`    0 m${'·'.repeat(63)}`);
});

test('more owners than colours differ by their marks', () => {
  const plain = (_style: unknown, text: string): string => text;
  const owned = divideSlots(8).map((range, index) => ({ ...range, owner: `redis-${index + 1}` }));
  expect(slotPicture(owned, plain)).toContain('██ redis-6  ▓▓ redis-7  ▓▓ redis-8');
});
