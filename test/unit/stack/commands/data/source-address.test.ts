import { expect, test } from 'vitest';
import { parseSourceAddress, showSource } from '../../../../../src/stack/commands/data/source-address.ts';
import { failureOf } from '../../../../helpers/builders.ts';
import { hintText } from '../../../../helpers/hint-text.ts';

test.each([
  ['redis://127.0.0.1', '127.0.0.1:6379', undefined, undefined],
  ['redis://db.example:7000/3', 'db.example:7000/3', undefined, undefined],
  ['redis://:p%40ss@localhost/0', 'localhost:6379', undefined, 'p@ss'],
  ['redis://:p@ss@localhost', 'localhost:6379', undefined, 'p@ss'],
  ['redis://:%25%2F%3F%23%40%3A@localhost', 'localhost:6379', undefined, '%/?#@:'],
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

test.each([
  'redis://:sec/ret@localhost',
  'redis://:secret?@localhost:6379/0',
  'redis://reader:secret#1@localhost',
  'rediss://:secret/@localhost',
  'redis://:123/secret@localhost',
  'redis://:secret%@localhost',
  'redis://:secret%zz/0@localhost',
])('%s: what to encode and how is told, and not what', async (text) => {
  const { message, hint } = await failureOf(() => parseSourceAddress(text));
  expect(message).toBe(
    "the address behind --from can't be used: in its user and password, write % as %25, / as %2F, ? as %3F, # as %23, @ as %40, : as %3A",
  );
  expect(hintText(hint ?? '')).toContain('--password-file FILE');
});
