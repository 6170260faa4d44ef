import { describe, expect, test } from 'vitest';
import { StackError } from '../../../../src/errors.ts';
import { Secret } from '../../../../src/secret.ts';
import type { SecretSource, StackSecret } from '../../../../src/secrets/source.ts';
import { plainFields, vaultSecret } from '../../../../src/secrets/vault/vault-fields.ts';
import { vaultSource } from '../../../../src/secrets/vault/vault-source.ts';
import type { Vault } from '../../../../src/secrets/vault/vault.ts';
import { failureOf } from '../../../helpers/builders.ts';
import { hintText, asTold } from '../../../helpers/hint-text.ts';

type Fields = Readonly<Record<string, unknown>>;

const PLACE = { mount: 'secret', path: 'team/redis' };

/** KV version 2 in memory: a write that begins with another version than the newest is refused. */
interface MemoryVault {
  readonly vault: Vault;
  /** Every version that was ever written, oldest first. */
  readonly versions: Fields[];
  /** What happened to each write. */
  readonly writes: ('done' | 'refused')[];
  logins: number;
  /** Runs once, just before the next write: somebody else's moment. */
  beforeWrite: (() => void) | undefined;
}

function memoryVault(...versions: Fields[]): MemoryVault {
  const memory: MemoryVault = {
    vault: {
      address: 'https://vault.example:8200',
      readSecret: async (place) => {
        expect(place).toEqual(PLACE);
        const newest = versions.at(-1);
        return newest === undefined ? undefined : vaultSecret(newest, versions.length);
      },
      writeSecret: async (place, fields, expected) => {
        expect(place).toEqual(PLACE);
        memory.beforeWrite?.();
        memory.beforeWrite = undefined;
        const isNewest = (expected?.version ?? 0) === versions.length;
        memory.writes.push(isNewest ? 'done' : 'refused');
        if (!isNewest) throw new StackError('SECRET_CHANGED', { message: 'somebody else has just written it' });
        versions.push(plainFields(fields));
      },
      // Certificates are no matter of a source.
    } as Vault,
    versions,
    writes: [],
    logins: 0,
    beforeWrite: undefined,
  };
  return memory;
}

function sourceOn(memory: MemoryVault, field = 'password'): SecretSource {
  const connect = async (): Promise<Vault> => {
    memory.logins += 1;
    return memory.vault;
  };
  return vaultSource(connect, PLACE, field);
}

function kept(password: string): StackSecret {
  return { password: new Secret(password), tlsEnabled: undefined };
}

describe('a source in Vault', () => {
  test('says where it is, and asks nobody before it is asked', () => {
    const memory = memoryVault();
    const source = sourceOn(memory, 'auth');
    expect(source.description).toBe('Vault, secret/team/redis, field auth');
    expect(source.file).toBeUndefined();
    expect(memory.logins).toBe(0);
  });

  test('passes on why it could not log in', async () => {
    const refused = new StackError('VAULT_LOGIN_FAILED', { message: 'no such role' });
    const source = vaultSource(async () => Promise.reject(refused), PLACE, 'password');
    for (const work of [
      (): unknown => source.read(),
      (): unknown => source.create(new Secret('new')),
      (): unknown => source.replace(new Secret('new'), kept('old')),
    ]) {
      expect(await failureOf(work)).toBe(refused);
    }
  });
});

describe('reading', () => {
  test('gives the field that was named, and no other', async () => {
    const memory = memoryVault({ password: 'of another', auth: 'hunter2' });
    expect((await sourceOn(memory, 'auth').read())?.password.reveal()).toBe('hunter2');
  });

  test.each([
    [true, true],
    [false, false],
    ['true', true],
    ['false', false],
  ])('tls_enabled %j is %j: vault kv put writes nothing but text', async (value, tlsEnabled) => {
    expect(await sourceOn(memoryVault({ password: 'hunter2', tls_enabled: value })).read()).toMatchObject({
      tlsEnabled,
    });
  });

  test('without tls_enabled says nothing of TLS', async () => {
    expect((await sourceOn(memoryVault({ password: 'hunter2' })).read())?.tlsEnabled).toBeUndefined();
  });

  test.each(['yes', 'TRUE', '', 0, 1, null])('tls_enabled %j is a mistake, told with the field', async (value) => {
    const memory = memoryVault({ password: 'hunter2', tls_enabled: value });
    const failure = await failureOf(() => sourceOn(memory).read());
    expect(failure).toMatchObject({
      code: 'SECRET_MISSING',
      message: expect.stringContaining('the field tls_enabled of secret/team/redis'),
    });
    expect([failure.message, hintText(failure.hint ?? ''), ...failure.details].join()).not.toContain('hunter2');
  });

  test.each([
    ['nothing is there', memoryVault(), 'holds nothing at secret/team/redis'],
    ['the field is not there', memoryVault({ user: 'app' }), 'has no field password'],
    ['the field is empty', memoryVault({ password: '' }), 'has nothing in its field password'],
    ['the field is a boolean', memoryVault({ password: true }), 'has a boolean in its field password'],
  ])('is for a person to mend where %s', async (_name, memory, message) => {
    expect(await failureOf(() => sourceOn(memory).read())).toMatchObject({
      code: 'SECRET_MISSING',
      message: expect.stringContaining(message),
    });
  });
});

describe('a password that is not there yet', () => {
  test('is written where nothing was', async () => {
    const memory = memoryVault();
    expect((await sourceOn(memory).create(new Secret('new'))).password.reveal()).toBe('new');
    expect(memory.versions).toEqual([{ password: 'new' }]);
  });

  test('is written beside the other fields, which stay what they were', async () => {
    const others = { user: 'app', tls_enabled: false, port: 6380, hosts: ['a', 'b'], note: null };
    const memory = memoryVault(others);
    const created = await sourceOn(memory).create(new Secret('new'));
    expect(created.password.reveal()).toBe('new');
    expect(created.tlsEnabled).toBe(false);
    expect(memory.versions.at(-1)).toEqual({ ...others, password: 'new' });
  });

  test('is left alone where it is there: nothing is written', async () => {
    const memory = memoryVault({ password: 'theirs', user: 'app' });
    expect((await sourceOn(memory).create(new Secret('ours'))).password.reveal()).toBe('theirs');
    expect(memory.writes).toEqual([]);
  });

  test('is one and the same for two who make it at once', async () => {
    const memory = memoryVault({ user: 'app' });
    const created = await Promise.all(
      ['one', 'other'].map((password) => sourceOn(memory).create(new Secret(password))),
    );
    // Both had seen that it wasn't there: one of them was refused, and took what it found then.
    expect(memory.writes).toEqual(['done', 'refused']);
    expect(created.map(({ password }) => password.reveal())).toEqual(['one', 'one']);
    expect(memory.versions).toHaveLength(2);
    expect(memory.versions.at(-1)).toEqual({ user: 'app', password: 'one' });
  });

  test('is not hidden by another failure of the write', async () => {
    const memory = memoryVault();
    const denied = new StackError('VAULT_DENIED', { message: 'no capability' });
    memory.beforeWrite = () => {
      throw denied;
    };
    expect(await failureOf(() => sourceOn(memory).create(new Secret('new')))).toBe(denied);
    expect(memory.versions).toEqual([]);
  });
});

describe('a password that is replaced', () => {
  test('is the new one then, and the other fields stay what they were', async () => {
    const others = { user: 'app', tls_enabled: 'true', port: 6380, hosts: ['a', 'b'], note: null };
    const memory = memoryVault({ ...others, password: 'old' });
    await sourceOn(memory).replace(new Secret('new'), kept('old'));
    expect(memory.versions.at(-1)).toEqual({ ...others, password: 'new' });
    expect((await sourceOn(memory).read())?.password.reveal()).toBe('new');
  });

  test('stays where somebody else had changed it before', async () => {
    const memory = memoryVault({ password: 'old' }, { password: 'theirs' });
    const failure = await failureOf(() => sourceOn(memory).replace(new Secret('ours'), kept('old')));
    expect(asTold(failure)).toMatchObject({
      code: 'SECRET_CHANGED',
      message: expect.stringContaining('secret/team/redis'),
      hint: expect.stringContaining('manage.ts up'),
    });
    expect(failure.message).not.toMatch(/ours|theirs/);
    expect(memory.writes).toEqual([]);
  });

  test('stays where somebody else changes it in the last moment', async () => {
    const memory = memoryVault({ password: 'old' });
    memory.beforeWrite = () => memory.versions.push({ password: 'theirs' });
    expect(await failureOf(() => sourceOn(memory).replace(new Secret('ours'), kept('old')))).toMatchObject({
      code: 'SECRET_CHANGED',
    });
    expect(memory.versions.at(-1)).toEqual({ password: 'theirs' });
  });

  test('is that of one of two who replace it at once; the other is told', async () => {
    const memory = memoryVault({ password: 'old', user: 'app' });
    const outcomes = await Promise.allSettled(
      ['one', 'other'].map((password) => sourceOn(memory).replace(new Secret(password), kept('old'))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(memory.versions.at(-1)).toEqual({ password: 'one', user: 'app' });
  });

  test('is not made where it is gone', async () => {
    const memory = memoryVault();
    expect(await failureOf(() => sourceOn(memory).replace(new Secret('new'), kept('old')))).toMatchObject({
      code: 'SECRET_MISSING',
    });
    expect(memory.versions).toEqual([]);
  });
});
