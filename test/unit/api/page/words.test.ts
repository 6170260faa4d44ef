import { expect, test } from 'vitest';
import { roleText, shareText } from '../../../../src/api/page/words.ts';

test('a share of one slot is more than nothing', () => {
  expect(shareText(5461, 16384)).toBe('33.3 %');
  expect(shareText(1, 16384)).toBe('< 0.1 %');
  expect(shareText(0, 16384)).toBe('0 %');
});

test('a role tells of whom a replica is, and on which of several hosts', () => {
  expect(roleText({ role: 'primary', host: 'a' })).toBe('primary, on host a');
  expect(roleText({ role: 'replica', primary: 'redis-1' })).toBe('replica of redis-1');
  expect(roleText({})).toBe('role unknown');
});
