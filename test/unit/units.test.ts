import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ageText,
  agoText,
  bytesText,
  countText,
  durationText,
  numberText,
  shortNumberText,
  sizeText,
} from '../../src/units.ts';

const MIB = 1024 * 1024;

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1.6 * MIB, '1.6 MiB'],
  [64 * MIB, '64 MiB'],
  [123.4 * MIB, '123 MiB'],
  [1023.9 * MIB, '1 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, '0 B'],
  [512 * MIB, '512 MiB'],
  [1024 * MIB, '1 GiB'],
  [1100 * MIB, '1100 MiB'],
  [1100 * MIB + 1, '1153433601 B'],
])('a size of %d bytes is told from one beside it: %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test.each([
  [520, '520ms'],
  [1523, '1.52s'],
  [60_000, '1m'],
  [134_200, '2m 14.20s'],
])('what took %d ms took %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [0, '0s'],
  [59_900, '59s'],
  [61_000, '1m 1s'],
  [(86_400 * 3 + 3600 * 4 + 60) * 1000, '3d 4h'],
  [-5000, '0s'],
])('what is so for %d ms is so for %s', (ms, text) => {
  expect(ageText(ms)).toBe(text);
});

test('a clock that is a little behind never tells of the future', () => {
  expect(agoText(-2000)).toBe('just now');
  expect(agoText(4000)).toBe('4s ago');
});

test('counts', () => {
  expect(numberText(16_384)).toBe('16,384');
  expect([9999, 32_600, 1_200_000].map(shortNumberText)).toEqual(['9,999', '32.6K', '1.2M']);
  expect([countText(1, 'slot'), countText(5461, 'slot'), countText(2, 'primary', 'primaries')]).toEqual([
    '1 slot',
    '5,461 slots',
    '2 primaries',
  ]);
});

test('a whole number is written as Intl writes it', () => {
  const intl = new Intl.NumberFormat('en');
  const isAlike = fc.property(fc.maxSafeInteger(), (count) => numberText(count) === intl.format(count));
  expect(() => fc.assert(isAlike)).not.toThrow();
});
