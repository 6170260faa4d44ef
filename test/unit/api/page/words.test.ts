import { expect, test } from 'vitest';
import {
  agoText,
  bytesText,
  countOf,
  durationText,
  roleText,
  shareText,
  shortCountText,
} from '../../../../src/api/page/words.ts';

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
  [0, '0 s'],
  [59.9, '59 s'],
  [61, '1 min'],
  [3600, '1 h'],
  [3_700 + 3600 * 3, '4 h 1 min'],
  [86_400 * 3 + 3600 * 4, '3 d 4 h'],
  [-5, '0 s'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test('a clock that is a little behind never tells of the future', () => {
  expect(agoText(-2)).toBe('just now');
  expect(agoText(4)).toBe('4 s ago');
});

test('a share of one slot is more than nothing', () => {
  expect(shareText(5461, 16384)).toBe('33.3 %');
  expect(shareText(1, 16384)).toBe('< 0.1 %');
  expect(shareText(0, 16384)).toBe('0 %');
});

test('counts', () => {
  expect([9999, 32_600, 1_200_000].map(shortCountText)).toEqual(['9,999', '32.6K', '1.2M']);
  expect([countOf(1, 'slot'), countOf(5461, 'slot')]).toEqual(['1 slot', '5,461 slots']);
});

test('a role tells of whom a replica is', () => {
  expect(roleText({ role: 'replica', primary: 'redis-1' })).toBe('replica of redis-1');
  expect(roleText({})).toBe('role unknown');
});
