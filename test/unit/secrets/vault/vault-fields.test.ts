import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../../src/secret.ts';
import {
  flagField,
  inexactFields,
  plainFields,
  requireField,
  vaultSecret,
} from '../../../../src/secrets/vault/vault-fields.ts';
import { failureOf } from '../../../helpers/builders.ts';
import { asTold } from '../../../helpers/hint-text.ts';

const VAULT = { address: 'https://vault.example:8200' };
const PLACE = { mount: 'secret', path: 'redis/dev' };
const requireOf = (values: Record<string, unknown>): Secret =>
  requireField(vaultSecret(values, 1), PLACE, 'password', VAULT);
const flagOf = (values: Record<string, unknown>): boolean | undefined =>
  flagField(vaultSecret(values, 1), PLACE, 'tls_enabled', VAULT);

describe('a field that has to be there', () => {
  test.each([
    ['hunter2', 'hunter2'],
    [12_345, '12345'],
  ])('%j reads %j', (value, text) => {
    expect(requireOf({ password: value }).reveal()).toBe(text);
  });

  test.each([
    [{ user: 'hunter2' }, 'has no field password', 'npx tsx manage.ts secrets init'],
    [{ password: '' }, 'has nothing in its field password', 'npx tsx manage.ts secrets init'],
    [{ password: null }, 'has nothing in its field password', 'npx tsx manage.ts secrets init'],
    // Something is there: it is a person's to say that it may go.
    [{ password: true }, 'has a boolean in its field password', 'vault kv patch -mount=secret redis/dev password=-'],
    [{ password: 'hunter2\n' }, 'has a line break in its field password', 'vault kv patch'],
  ])('%j: %s', async (values, message, hint) => {
    const failure = await failureOf(() => requireOf(values));
    expect(asTold(failure)).toMatchObject({
      code: 'SECRET_MISSING',
      message: `Vault at https://vault.example:8200: secret/redis/dev ${message}`,
      hint: expect.stringContaining(hint),
      details: [`its fields: ${Object.keys(values).join(', ')}`],
    });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain('hunter2');
  });

  test('is not there where the path holds nothing', async () => {
    expect(asTold(await failureOf(() => requireField(undefined, PLACE, 'password', VAULT)))).toMatchObject({
      code: 'SECRET_MISSING',
      message: 'Vault at https://vault.example:8200 holds nothing at secret/redis/dev',
      hint: expect.stringContaining('npx tsx manage.ts secrets init'),
    });
  });

  test('is none that every object has', async () => {
    const failure = await failureOf(() => requireField(vaultSecret({}, 1), PLACE, 'constructor', VAULT));
    expect(failure.message).toContain('has no field constructor');
  });
});

describe('a switch', () => {
  test.each([
    [true, true],
    [false, false],
    ['true', true],
    ['false', false],
  ])('%j is %j', (value, expected) => {
    expect(flagOf({ tls_enabled: value })).toBe(expected);
  });

  test('may be missing, with its secret or alone', () => {
    expect(flagOf({})).toBeUndefined();
    expect(flagField(undefined, PLACE, 'tls_enabled', VAULT)).toBeUndefined();
  });

  test.each(['yes', 1, null, ''])('is not %j', async (value) => {
    expect(await failureOf(() => flagOf({ tls_enabled: value }))).toMatchObject({
      code: 'SECRET_MISSING',
      message: expect.stringContaining('the field tls_enabled of secret/redis/dev is neither true nor false'),
      hint: expect.stringContaining('tls_enabled=true'),
    });
  });
});

describe('fields on their way back', () => {
  test('are what they were', () => {
    const text = '{"__proto__":"a","text":"b","number":1.5,"none":null,"list":[{"c":"d"}],"switch":false}';
    const values = JSON.parse(text) as Record<string, unknown>;
    const { fields } = vaultSecret(values, 3);
    expect(JSON.stringify(plainFields({ ...fields }))).toBe(text);
    expect(plainFields({ ...fields, text: new Secret('new'), more: 2 })).toMatchObject({ text: 'new', more: 2 });
  });

  test.each([
    ['{"id":9007199254740993}', ['id']],
    ['{"list":[{"id":12345678901234567890}]}', ['list']],
    ['{"id":9007199254740991,"ratio":0.1,"text":"12345678901234567890"}', []],
  ])('%s has inexact %j', (text, names) => {
    expect(inexactFields(vaultSecret(JSON.parse(text) as Record<string, unknown>, 1).fields)).toEqual(names);
  });
});
