import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';

const secret = new Secret('hunter2');
const around = { user: 'default', password: secret, list: [secret] };

test.each([
  ['String()', String(secret)],
  ['a template', `${String(secret)} ${secret.toString()}`],
  ['concatenation', 'password: ' + secret],
  ['JSON', JSON.stringify(around)],
  ['inspect', inspect(around, { depth: 10, showHidden: true })],
  ['%s', format('%s', secret)],
  ['%o', format('%o', around)],
  ['%O', format('%O', secret)],
  ['%j', format('%j', around)],
  ['console.log', format(secret, around)],
  ['an error message', new Error('failed with ' + secret).message],
  ['its keys and values', JSON.stringify([Object.keys(secret), Object.values(secret), Object.assign({}, secret)])],
])('shows nothing of itself in %s', (_name, text) => {
  expect(text).not.toContain('hunter2');
});

test('says that it is one', () => {
  expect(`${String(secret)} ${JSON.stringify(secret)} ${inspect(secret)}`).toBe('[secret] "[secret]" [secret]');
});

test('reveals itself to who asks', () => {
  expect(secret.reveal()).toBe('hunter2');
});
