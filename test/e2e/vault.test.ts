/** A stack whose password is in Vault, and what a person sees when Vault doesn't give it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { passwordHash } from '../../src/plan/node/redis-config.ts';
import { makeStack, runMain, type Outcome, type TestStack } from '../helpers/test-stack.ts';
import { certificateFor, startVault, theAuthority, type VaultStandIn } from '../helpers/vault-stand-in.ts';

let vault: VaultStandIn;
let stack: TestStack;
beforeEach(async () => {
  vault = await startVault();
  vault.versions.set('secret/redis-1', [{ password: 'of-vault-1', owner: 'somebody' }]);
});
afterEach(async () => {
  await vault.stop();
  await stack.remove();
});

const SECRETS = '{ provider: vault, path: redis-1 }';
const environment = (): NodeJS.ProcessEnv => ({ VAULT_ADDR: vault.address, VAULT_TOKEN: 'root-token' });
const stored = (): Record<string, unknown> | undefined => vault.versions.get('secret/redis-1')?.at(-1);

async function acceptedHashes(): Promise<string[]> {
  const users = await Promise.all([1, 2, 3].map((node) => stack.redis(node, 'ACL', 'LIST')));
  return users.flatMap((text) => text.match(/(?<=#)[0-9a-f]{64}/g) ?? []);
}
const onAllNodes = (password: string): string[] => [1, 2, 3].map(() => passwordHash(password));

/** Fingerprints of what the nodes serve. */
async function served(): Promise<readonly unknown[]> {
  const { certificates } = JSON.parse((await stack.must('certs', '--json')).stdout) as {
    certificates: { holder: string; fingerprint: string }[];
  };
  return certificates.filter(({ holder }) => holder.startsWith('redis-')).map(({ fingerprint }) => fingerprint);
}

describe('with a Vault', () => {
  test('AppRole from a folder; the password is that of the secret, and on this host nowhere', async () => {
    stack = await makeStack({
      secrets: '{ provider: vault, path: redis-1, auth: { method: approle, folder: role } }',
      env: { VAULT_ADDR: vault.address, VAULT_TOKEN: '' },
    });
    mkdirSync(join(stack.folder, 'role'));
    writeFileSync(join(stack.folder, 'role/role-id'), 'the-role\n');
    writeFileSync(join(stack.folder, 'role/secret-id'), 'the-secret-id\n', { mode: 0o600 });
    vault.appRoles.set('the-role', { secretId: 'the-secret-id', token: 'token-of-the-role' });
    await stack.must('up');
    expect(await acceptedHashes()).toEqual(onAllNodes('of-vault-1'));
    expect((await stack.must('up')).stdout).toContain('nothing to do');
    const printed = JSON.parse((await stack.must('env', '--json')).stdout) as Record<string, string>;
    expect(printed['REDIS_PASSWORD_SOURCE']).toBe('Vault, secret/redis-1, field password');
    expect(printed).not.toHaveProperty('REDIS_PASSWORD_FILE');
    // What the login gave was given back.
    expect(vault.tokens.has('token-of-the-role')).toBe(false);
  });

  test('tls_enabled of the secret decides where the YAML file leaves it open, and only there', async () => {
    vault.versions.set('secret/redis-1', [{ password: 'of-vault-1', tls_enabled: 'false' }]);
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    await stack.must('up');
    expect(JSON.parse((await stack.must('env', '--json')).stdout)).not.toHaveProperty('REDIS_TLS_CA_FILE');
    expect(await stack.redis(1, 'CONFIG', 'GET', 'tls-port')).toMatch(/tls-port\n0/);
    // Without Vault, the containers tell, also when they don't run.
    expect((await stack.must('up', '--offline')).stdout).toContain('nothing to do');
    expect((await stack.must('certs')).stdout).toContain('TLS is off');
    await Promise.all([1, 2, 3].map((node) => stack.engine.stopContainer(stack.container(node), 10)));
    expect((await stack.must('plan', '--offline')).stdout).not.toContain('create container');
    await stack.must('up', '--offline');
    for (const verb of ['init', 'rotate']) {
      expect((await stack.run('secrets', verb, '--offline')).stderr).toContain('[USAGE]');
    }
    stack.edit((yaml) => yaml.replace('tls: {}', 'tls: { enabled: true }'));
    await stack.must('up');
    expect(await stack.redis(1, 'CONFIG', 'GET', 'tls-port')).toMatch(/tls-port\n6380/);
  });

  test('a password that changed in Vault is drift: plan shows it, up gives it to every node; rotate changes both', async () => {
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    await stack.must('up');
    vault.versions.get('secret/redis-1')?.push({ password: 'of-vault-2', owner: 'somebody' });
    const plan = await stack.run('plan', '--detailed-exitcode');
    expect(plan).toMatchObject({ exitCode: 3 });
    expect(plan.stdout).toContain('~ accept password redis-1  (the password changed)');
    await stack.must('up');
    expect(await acceptedHashes()).toEqual(onAllNodes('of-vault-2'));

    const { stdout } = await stack.must('secrets', 'rotate');
    expect(stdout).toContain('3 nodes have a new password; it is in Vault, secret/redis-1, field password');
    expect(stored()).toMatchObject({ owner: 'somebody' });
    expect(String(stored()?.['password'])).toMatch(/^[\w-]{43}$/);
    expect(await acceptedHashes()).toEqual(onAllNodes(String(stored()?.['password'])));

    // Somebody else writes in the moment of the publication: check-and-set refuses, and what he wrote is the password.
    vault.switches.beforeWrite = () =>
      vault.versions.get('secret/redis-1')?.push({ password: 'of-somebody', owner: 'somebody' });
    const overtaken = await stack.run('secrets', 'rotate');
    expect(overtaken.exitCode).toBe(1);
    expect(overtaken.stderr).toContain('SECRET_CHANGED');
    expect(stored()).toMatchObject({ password: 'of-somebody' });
    await stack.must('up');
    expect(await acceptedHashes()).toEqual(onAllNodes('of-somebody'));
  });

  test('Vault is away: the daily commands go on, up says so, and --offline takes what the containers hold', async () => {
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    await stack.must('up');
    await vault.stop();
    for (const command of [['status'], ['restart'], ['logs'], ['redis-cli', '--', 'PING'], ['certs']]) {
      const [name = '', ...rest] = command;
      expect(await stack.run(name, ...rest)).toMatchObject({ exitCode: 0 });
    }
    expect((await stack.run('up')).stderr).toContain('VAULT_UNREACHABLE');
    await stack.engine.removeContainer(stack.container(2));
    await stack.must('up', '--offline');
    expect(await acceptedHashes()).toEqual(onAllNodes('of-vault-1'));
    await stack.must('down');
    const { exitCode, stderr } = await stack.run('up', '--offline');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('--offline, and no container of the stack');
    expect((await stack.engine.listContainers()).filter(({ name }) => name.startsWith(stack.name))).toEqual([]);
  });

  test("certificates of Vault's PKI engine; what the role refuses is told in Vault's words", async () => {
    vault.roles.set('redis-role', { domain: 'example.com', allowsAddresses: true });
    stack = await makeStack({
      secrets: SECRETS,
      tls: '{ issuer: vault, role: redis-role, plain: false, clientAuth: yes }',
      env: environment(),
    });
    const refused = await stack.run('up');
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('not allowed by this role');
    expect(refused.stderr).toContain('vault read pki/roles/redis-role');

    vault.roles.set('redis-role', { domain: '*', allowsAddresses: true });
    await stack.must('up');
    const { stdout } = await stack.must('certs');
    expect(stdout).toContain('CN=Authority of the stand-in');
    expect(stdout).toContain(`IP:${stack.ips[0] ?? ''}`);
    // The stand-in's certificates are two hours long, and half of that is gone: nothing is due yet.
    expect((await stack.must('up')).stdout).toContain('nothing to do');
    expect(stdout).not.toContain('✗');

    // Another user of the same Vault has nothing of the stack yet, and signs nothing anew.
    const other = { ...stack.env, XDG_STATE_HOME: join(stack.folder, 'other') };
    const before = await served();
    for (const command of ['plan', 'up', 'up']) {
      expect((await runMain(stack.withFile([command]), other)).stdout).toMatch(/nothing to do/i);
    }
    expect((await runMain(stack.withFile(['certs']), other)).exitCode).toBe(0);
    expect((await stack.must('up')).stdout).toContain('nothing to do');
    expect(await served()).toEqual(before);
  });
});

describe('secrets init', () => {
  test('writes a password where there is none, keeps the other fields, and never writes a second one', async () => {
    vault.versions.set('secret/redis-1', [{ owner: 'somebody' }]);
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    const missing = await stack.run('up');
    expect(missing.stderr).toContain('SECRET_MISSING');
    expect(missing.stderr).toContain('npx tsx manage.ts secrets init');
    expect((await stack.must('secrets', 'init')).stdout).toContain('a new password is in Vault, secret/redis-1');
    const written = stored();
    expect(written).toMatchObject({ owner: 'somebody' });
    expect(String(written?.['password'])).toMatch(/^[\w-]{43}$/);
    expect((await stack.must('secrets', 'init')).stdout).toContain('holds a password already');
    expect(stored()).toBe(written);
  });

  test('of two at once, one writes', async () => {
    vault.versions.delete('secret/redis-1');
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    const outcomes = await Promise.all([stack.must('secrets', 'init'), stack.must('secrets', 'init')]);
    expect(outcomes.filter(({ stdout }) => stdout.includes('a new password'))).toHaveLength(1);
    expect(vault.versions.get('secret/redis-1')).toHaveLength(1);
  });
});

describe('each failure has a message and a hint of its own, before the engine is asked', () => {
  let https: VaultStandIn;
  beforeAll(async () => {
    https = await startVault(await certificateFor(['localhost'], ['127.0.0.1']));
    await theAuthority();
  });
  afterAll(() => https.stop());

  /** The engine is nowhere: who asked it would get ENGINE_UNREACHABLE. */
  async function up(): Promise<Outcome> {
    return stack.run('up', '--host', 'unix:///nowhere.sock', '--timeout', '10');
  }

  interface Case {
    readonly what: string;
    readonly code: string;
    readonly says: RegExp;
    readonly arrange: () => NodeJS.ProcessEnv | Promise<NodeJS.ProcessEnv>;
    readonly secrets?: string;
  }
  const set = (change: Partial<VaultStandIn['switches']>) => (): NodeJS.ProcessEnv => {
    Object.assign(vault.switches, change);
    return environment();
  };
  const cases: readonly Case[] = [
    {
      what: 'no address',
      code: 'VAULT_UNREACHABLE',
      says: /VAULT_ADDR/,
      arrange: () => ({ VAULT_ADDR: '', VAULT_TOKEN: 'x' }),
    },
    {
      what: 'unreachable',
      code: 'VAULT_UNREACHABLE',
      says: /ECONNREFUSED/,
      arrange: async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await new Promise((resolve) => server.once('listening', resolve));
        const address = server.address();
        await new Promise((resolve) => server.close(resolve));
        return { VAULT_ADDR: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, VAULT_TOKEN: 'x' };
      },
    },
    { what: 'sealed', code: 'VAULT_SEALED', says: /vault operator unseal/, arrange: set({ state: 'sealed' }) },
    {
      what: 'uninitialised',
      code: 'VAULT_UNINITIALISED',
      says: /vault operator init/,
      arrange: set({ state: 'uninitialised' }),
    },
    { what: 'standby', code: 'VAULT_STANDBY', says: /standby/, arrange: set({ state: 'standby' }) },
    {
      what: 'permission denied',
      code: 'VAULT_DENIED',
      says: /secret\/data\/redis-1/,
      arrange: () => {
        vault.tokens.set('weak', { 'secret/data/other': ['read'] });
        return { ...environment(), VAULT_TOKEN: 'weak' };
      },
    },
    {
      what: 'token expired',
      code: 'VAULT_TOKEN_INVALID',
      says: /vault login/,
      arrange: () => ({ ...environment(), VAULT_TOKEN: 'gone' }),
    },
    {
      what: 'no token',
      code: 'VAULT_TOKEN_INVALID',
      says: /VAULT_TOKEN/,
      arrange: () => ({ ...environment(), VAULT_TOKEN: '', HOME: '/nowhere' }),
    },
    {
      what: 'path absent',
      code: 'SECRET_MISSING',
      says: /holds nothing at secret\/redis-1/,
      arrange: () => {
        vault.versions.clear();
        return environment();
      },
    },
    {
      what: 'field absent',
      code: 'SECRET_MISSING',
      says: /has no field password/,
      arrange: () => {
        vault.versions.set('secret/redis-1', [{ other: 'x' }]);
        return environment();
      },
    },
    {
      what: 'wrong AppRole',
      code: 'VAULT_LOGIN_FAILED',
      says: /role-id|secret-id/,
      secrets: '{ provider: vault, path: redis-1, auth: { method: approle, folder: role } }',
      arrange: environment,
    },
    {
      what: 'an authority that is not known',
      code: 'VAULT_UNTRUSTED',
      says: /VAULT_CACERT/,
      arrange: () => ({ VAULT_ADDR: https.address, VAULT_TOKEN: 'root-token' }),
    },
    {
      what: 'errors that do not end',
      code: 'VAULT_FAILED',
      says: /500/,
      arrange: set({ flaky: { requests: 1000, how: 500 } }),
    },
  ];

  test.each(cases)('$what: $code', async ({ arrange, code, says, secrets = SECRETS }) => {
    const env = await arrange();
    stack = await makeStack({ secrets, env });
    mkdirSync(join(stack.folder, 'role'));
    writeFileSync(join(stack.folder, 'role/role-id'), 'no-such-role', { mode: 0o600 });
    writeFileSync(join(stack.folder, 'role/secret-id'), 'no-such-id', { mode: 0o600 });
    const { exitCode, stderr, stdout } = await up();
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(`[${code}]`);
    expect(stderr).toMatch(says);
    expect(stderr).toContain('→');
    if (process.env['SHOW'] !== undefined) console.log(stderr);
  });

  test('a moment of trouble is waited for', async () => {
    stack = await makeStack({ secrets: SECRETS, env: environment() });
    vault.switches.flaky = { requests: 2, how: 'drop' };
    expect((await up()).stderr).toContain('ENGINE_UNREACHABLE');
    rmSync(join(stack.folder, 'role'), { recursive: true, force: true });
  });
});
