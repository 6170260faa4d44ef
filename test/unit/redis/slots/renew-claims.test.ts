import { expect, test } from 'vitest';
import { keepsNotes } from '../../../../src/redis/slots/renew-claims.ts';

test.each([
  ['6.2.14', false],
  ['7.0.12', false],
  ['7.0.13', true],
  ['7.0.15', true],
  ['7.2.0', true],
  ['7.2.3', true],
  ['7.2.4', false],
  ['7.4.1', false],
  ['8.6.0', false],
  ['unknown', false],
])('Redis %s keeps notes of slots that were not claimed: %s', (version, keeps) => {
  expect(keepsNotes(version)).toBe(keeps);
});
