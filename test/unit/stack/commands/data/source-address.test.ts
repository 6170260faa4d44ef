import { expect, test } from 'vitest';
import { parseSourceAddress, showSource } from '../../../../../src/stack/commands/data/source-address.ts';
import { failureOf } from '../../../../helpers/builders.ts';
import { hintText } from '../../../../helpers/hint-text.ts';

test.each([
  ['redis://127.0.0.1', '127.0.0.1:6379', undefined, undefined],
  ['redis://db.example:7000/3', 'db.example:7000/3', undefined, undefined],
  ['redis://:p%40ss@localhost/0', 'localhost:6379', undefined, 'p@ss'],
  ['redis://reader:secret@localhost', 'localhost:6379', 'reader', 'secret'],
  ['redis://reader@localhost/', 'localhost:6379', 'reader', undefined],
  ['redis://[::1]:6380', '[::1]:6380', undefined, undefined],
])('%s is read', (text, shown, user, password) => {
  const address = parseSourceAddress(text);
  expect([showSource(address), address.user, address.password?.reveal()]).toEqual([shown, user, password]);
  expect(address.isTls).toBe(false);
});

test('rediss is TLS', () => {
  expect(parseSourceAddress('rediss://localhost').isTls).toBe(true);
});

test.each([
  'localhost:6379',
  'http://secret@localhost',
  'redis://:secret@',
  'redis://:secret@localhost/none',
  'redis://:secret@localhost/0?timeout=3',
  'redis://:secret%@localhost',
  'redis://:secret@localhost:99999',
  'secret',
])('%s is refused, and not shown', async (text) => {
  const { code, message, hint } = await failureOf(() => parseSourceAddress(text));
  expect(code).toBe('USAGE');
  expect(`${message} ${hintText(hint ?? '')}`).not.toContain('secret');
});
