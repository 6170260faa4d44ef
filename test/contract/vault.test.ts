import { X509Certificate } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { connect as connectTo, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StackError } from '../../src/errors.ts';
import { Secret } from '../../src/secret.ts';
import { requireField } from '../../src/secrets/vault/vault-fields.ts';
import { connectVault, type Vault, type VaultSettings } from '../../src/secrets/vault/vault.ts';
import { failureOf } from '../helpers/builders.ts';
import { useTempFolders } from '../helpers/temp-folder.ts';
import { certificateFor, startVault, theAuthority, type VaultStandIn } from '../helpers/vault-stand-in.ts';

/** None of these may be in any message, hint, detail or cause. */
const CONFIDENTIAL = [
  'root-token',
  'limited-token',
  'stale-token',
  'approle-token',
  's3cret-id',
  'hunter2',
  'swordfish',
];
const TOKEN_AUTH = { method: 'token' } as const;
const PLACE = { mount: 'secret', path: 'redis/dev' };
const OLD_PLACE = { mount: 'old', path: 'redis/dev' };

const tempFolder = useTempFolders();
const opened: Vault[] = [];
const running: VaultStandIn[] = [];
let server: VaultStandIn;

beforeEach(async () => {
  server = await start();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

async function start(tls?: { cert: string; key: string }, port?: number): Promise<VaultStandIn> {
  const started = await startVault(tls, port);
  running.push(started);
  return started;
}

interface Connection {
  readonly settings?: Partial<VaultSettings>;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function connect({ settings, env, timeoutMs = 5000, signal }: Connection = {}): Promise<Vault> {
  const vault = await connectVault(
    { auth: TOKEN_AUTH, ...settings },
    { VAULT_ADDR: server.address, VAULT_TOKEN: 'root-token', HOME: '/nowhere', ...env },
    { signal: signal ?? new AbortController().signal, timeoutMs },
  );
  opened.push(vault);
  return vault;
}

/** The failure, after a look whether it gives anything away. */
async function refused(work: () => unknown): Promise<StackError> {
  const failure = await failureOf(work);
  const shown = [inspect(failure, { depth: 10, showHidden: true }), JSON.stringify(failure), String(failure.stack)];
  for (const word of CONFIDENTIAL) expect(shown.join('\n')).not.toContain(word);
  return failure;
}

const read = async (connection?: Connection): Promise<unknown> => (await connect(connection)).readSecret(PLACE);
const callsTo = (path: string): number => server.requests.filter((request) => request.path === path).length;
const anyText = (part: string): unknown => expect.stringContaining(part);
const put = (fields: Record<string, unknown> | undefined, key = 'secret/redis/dev'): void => {
  server.versions.set(key, [...(server.versions.get(key) ?? []), fields]);
};

async function credentialFile(content: string, mode = 0o600, name = 'token'): Promise<string> {
  const file = join(await tempFolder(), name);
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

async function appRoleFolder(roleId: string | undefined, secretId: string | undefined, mode = 0o600): Promise<string> {
  const folder = await tempFolder();
  if (roleId !== undefined) await writeFile(join(folder, 'role-id'), roleId);
  if (secretId !== undefined) await writeFile(join(folder, 'secret-id'), secretId, { mode });
  if (secretId !== undefined) await chmod(join(folder, 'secret-id'), mode);
  return folder;
}

describe('reading', () => {
  test('KV version 2: the newest version, in two calls, with the three headers', async () => {
    put({ password: 'swordfish' });
    put({ password: 'hunter2', tls_enabled: true });
    const secret = await (await connect()).readSecret(PLACE);
    expect(secret?.version).toBe(2);
    expect(requireField(secret, PLACE, 'password', server).reveal()).toBe('hunter2');
    expect(secret?.fields['tls_enabled']).toBe(true);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET sys/internal/ui/mounts/secret',
      'GET secret/data/redis/dev',
    ]);
    expect(server.requests[1]?.headers).toMatchObject({ 'x-vault-token': 'root-token', 'x-vault-request': 'true' });
    expect(server.requests[1]?.headers).not.toHaveProperty('x-vault-namespace');
  });

  test('asks only once what a mount is', async () => {
    const vault = await connect();
    await vault.readSecret(PLACE);
    await vault.readSecret(PLACE);
    expect(callsTo('sys/internal/ui/mounts/secret')).toBe(1);
  });

  test.each(['old', 'older'])('KV version 1 at %s, which has no versions', async (mount) => {
    server.values.set(`${mount}/redis/dev`, { password: 'hunter2' });
    const secret = await (await connect()).readSecret({ ...OLD_PLACE, mount });
    expect(secret?.version).toBe(0);
    expect(requireField(secret, OLD_PLACE, 'password', server).reveal()).toBe('hunter2');
  });

  test.each([
    { mount: 'team/kv', path: 'redis/dev' },
    { mount: '/team/kv/', path: '/redis/dev/' },
    { mount: 'team/kv/redis', path: 'dev' },
  ])('a mount with folders: %j', async (place) => {
    put({ password: 'hunter2' }, 'team/kv/redis/dev');
    const secret = await (await connect()).readSecret(place);
    expect(secret?.version).toBe(1);
  });

  test('names with ?, #, %, spaces and umlauts', async () => {
    const path = 'a b/c?d#e%2F/ü';
    put({ password: 'hunter2' }, `secret/${path}`);
    expect(await (await connect()).readSecret({ mount: 'secret', path })).toBeDefined();
  });

  test.each(['../../sys/mounts', 'redis/./dev'])('not by a detour: %s', async (path) => {
    const failure = await refused(async () => (await connect()).readSecret({ mount: 'secret', path }));
    expect(failure).toMatchObject({ code: 'VAULT_FAILED', message: anyText('. or ..'), hint: anyText('YAML') });
    expect(callsTo('sys/mounts')).toBe(0);
  });

  test('gives undefined for what was never written, and for what is deleted', async () => {
    const vault = await connect();
    expect(await vault.readSecret(PLACE)).toBeUndefined();
    expect(await vault.readSecret(OLD_PLACE)).toBeUndefined();
    put({ password: 'hunter2' });
    put(undefined);
    expect(await vault.readSecret(PLACE)).toBeUndefined();
  });

  test('shows nothing of what it read', async () => {
    put({ password: 'hunter2', pin: 493817, list: ['swordfish'], tls_enabled: 'true' });
    const secret = await (await connect()).readSecret(PLACE);
    const shown = inspect({ secret }, { depth: 10, showHidden: true }) + JSON.stringify(secret);
    for (const word of ['hunter2', '493817', 'swordfish']) expect(shown).not.toContain(word);
  });
});

describe('writing', () => {
  test.each([
    [PLACE, 'KV version 2'],
    [OLD_PLACE, 'KV version 1'],
  ])('%j: the first, then another value beside fields that stay as they were (%s)', async (place) => {
    const vault = await connect();
    await vault.writeSecret(place, { password: new Secret('hunter2'), pin: 4938, list: [1, 'a'], on: true }, undefined);
    const first = await vault.readSecret(place);
    await vault.writeSecret(place, { ...first?.fields, password: new Secret('swordfish') }, first);
    const stored = server.versions.get('secret/redis/dev')?.at(-1) ?? server.values.get('old/redis/dev');
    expect(stored).toEqual({ password: 'swordfish', pin: 4938, list: [1, 'a'], on: true });
  });

  test('after a deletion: check-and-set compares with the deleted version', async () => {
    put({ password: 'swordfish' });
    put(undefined);
    await (await connect()).writeSecret(PLACE, { password: new Secret('hunter2') }, undefined);
    expect(server.versions.get('secret/redis/dev')).toHaveLength(3);
  });

  test.each([PLACE, OLD_PLACE])('refuses where somebody wrote first: %j', async (place) => {
    const vault = await connect();
    await vault.writeSecret(place, { password: new Secret('hunter2') }, undefined);
    const seen = await vault.readSecret(place);
    await vault.writeSecret(place, { password: new Secret('swordfish') }, seen);
    for (const expected of [undefined, seen]) {
      const failure = await refused(() => vault.writeSecret(place, { password: new Secret('mine') }, expected));
      expect(failure).toMatchObject({
        code: 'SECRET_CHANGED',
        message: anyText(server.address),
        hint: anyText('same command again'),
      });
    }
    expect(requireField(await vault.readSecret(place), place, 'password', server).reveal()).toBe('swordfish');
  });

  test('KV version 2: of two writers at once, exactly one wins, at a new secret and at an old one', async () => {
    const writers = [await connect(), await connect()];
    for (let round = 0; round < 5; round += 1) {
      const seen = await Promise.all(writers.map((vault) => vault.readSecret(PLACE)));
      const outcomes = await Promise.allSettled(
        writers.map((vault, index) => vault.writeSecret(PLACE, { password: `of ${index}` }, seen[index])),
      );
      const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      expect(lost).toMatchObject([{ code: 'SECRET_CHANGED' }]);
      expect(server.versions.get('secret/redis/dev')).toHaveLength(round + 1);
    }
  });

  test('KV version 2: whoever slips in between the look and the write wins', async () => {
    server.switches.beforeWrite = () => put({ password: 'theirs' });
    const vault = await connect();
    const failure = await refused(() => vault.writeSecret(PLACE, { password: new Secret('hunter2') }, undefined));
    expect(failure.code).toBe('SECRET_CHANGED');
    expect(server.versions.get('secret/redis/dev')).toEqual([{ password: 'theirs' }]);
  });

  test('KV version 1: who comes between the write and the look after it is noticed', async () => {
    const vault = await connect();
    server.switches.beforeWrite = () => {
      const set = server.values.set.bind(server.values);
      server.values.set = (key) => set(key, { password: 'theirs' });
    };
    const failure = await refused(() => vault.writeSecret(OLD_PLACE, { password: new Secret('hunter2') }, undefined));
    expect(failure.code).toBe('SECRET_CHANGED');
  });

  test('a bad request that is no lost race says what Vault said', async () => {
    put({ password: 'swordfish' });
    const vault = await connect();
    const seen = await vault.readSecret(PLACE);
    server.switches.flaky = { requests: 1, how: 400 };
    const failure = await refused(() => vault.writeSecret(PLACE, { password: new Secret('hunter2') }, seen));
    expect(failure).toMatchObject({
      code: 'VAULT_FAILED',
      message: `Vault at ${server.address} failed to write secret/data/redis/dev: status 400`,
      details: ['internal error'],
    });
  });

  test('Vault repeating a secret in its errors gives nothing away', async () => {
    const vault = await connect();
    await vault.readSecret(PLACE);
    server.switches.flaky = { requests: 1, how: 405, error: 'root-token wrote hunter2' };
    const failure = await refused(() =>
      vault.writeSecret(PLACE, { password: new Secret('hunter2') }, { fields: {}, version: 1 }),
    );
    expect(failure.details).toEqual(['[secret] wrote [secret]']);
  });

  test('a number that JavaScript would change is not written back', async () => {
    server.values.set('old/redis/dev', { serial: 2 ** 60, password: 'hunter2' });
    const vault = await connect();
    const seen = await vault.readSecret(OLD_PLACE);
    const failure = await refused(() => vault.writeSecret(OLD_PLACE, { ...seen?.fields, password: 'x' }, seen));
    expect(failure).toMatchObject({ code: 'VAULT_FAILED', message: anyText('serial'), hint: anyText('serial=') });
  });
});

describe('where Vault is', () => {
  test.each([
    [{}, undefined, 'neither secrets.address nor VAULT_ADDR', 'export VAULT_ADDR='],
    [
      { VAULT_ADDR: 'vault.example:8200' },
      undefined,
      'VAULT_ADDR is no http or https URL',
      'https://vault.example:8200',
    ],
    [{ VAULT_ADDR: 'unix:///run/vault.sock' }, undefined, 'VAULT_ADDR is no http', 'https://'],
    [{ VAULT_ADDR: 'https://me:hunter2@vault.example' }, undefined, 'holds a user name or a password', 'VAULT_ADDR'],
    [{}, 'https://hunter2@vault.example', 'secrets.address (vault.example) holds', 'secrets.address'],
    [{}, 'https://me:hunter2@ vault', 'secrets.address is no http', 'secrets.address'],
  ])('%j and secrets.address %j: %s', async (env, address, message, hint) => {
    const failure = await refused(() => connect({ env: { VAULT_ADDR: '', ...env }, settings: { address } }));
    expect(failure).toMatchObject({ code: 'VAULT_UNREACHABLE', message: anyText(message), hint: anyText(hint) });
  });

  test('secrets.address comes before VAULT_ADDR, and a slash at its end does no harm', async () => {
    const settings = { address: `${server.address}/` };
    const vault = await connect({ settings, env: { VAULT_ADDR: 'http://127.0.0.1:1' } });
    expect(vault.address).toBe(server.address);
    expect(await vault.readSecret(PLACE)).toBeUndefined();
  });

  test.each([
    [{ env: { VAULT_ADDR: 'http://127.0.0.1:1' } }, 'VAULT_ADDR'],
    [{ settings: { address: 'http://127.0.0.1:1' } }, 'secrets.address'],
  ])('nobody listens: %j', async (connection, setting) => {
    const failure = await refused(() => read({ ...connection, timeoutMs: 1500 }));
    expect(failure).toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: `Vault at http://127.0.0.1:1 (the address in ${setting}) is unreachable`,
      hint: `vault status -address=http://127.0.0.1:1   # or correct ${setting}`,
      details: [anyText('ECONNREFUSED')],
    });
  });

  test('an unknown name, at once', async () => {
    const before = performance.now();
    const failure = await refused(() => read({ env: { VAULT_ADDR: 'http://vault.invalid' }, timeoutMs: 30_000 }));
    expect(failure.code).toBe('VAULT_UNREACHABLE');
    // EAI_AGAIN, on a machine without a name server, is worth a retry: 5 s of them.
    expect(performance.now() - before).toBeLessThan(6000);
  }, 10_000);

  test('no answer', async () => {
    server.switches.isStalled = true;
    expect(await refused(() => read({ timeoutMs: 200 }))).toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: anyText("didn't answer within 200ms"),
      hint: anyText('vault status'),
    });
  });

  test('an interruption ends a wait at once, with its own reason', async () => {
    server.switches.isStalled = true;
    const interruption = new AbortController();
    const reading = read({ timeoutMs: 60_000, signal: interruption.signal });
    const interrupted = new StackError('INTERRUPTED', { message: 'interrupted' });
    setTimeout(() => interruption.abort(interrupted), 50);
    const before = performance.now();
    await expect(reading).rejects.toBe(interrupted);
    expect(performance.now() - before).toBeLessThan(4000);
  });

  test('an interruption ends a pause between two attempts, too', async () => {
    const interruption = new AbortController();
    const reading = read({ env: { VAULT_ADDR: 'http://127.0.0.1:1' }, timeoutMs: 60_000, signal: interruption.signal });
    const interrupted = new StackError('INTERRUPTED', { message: 'interrupted' });
    setTimeout(() => interruption.abort(interrupted), 100);
    await expect(reading).rejects.toBe(interrupted);
  });

  test('something else that talks HTTP', async () => {
    server.switches.flaky = { requests: 1, how: 'text' };
    expect(await refused(() => read())).toMatchObject({
      code: 'VAULT_FAILED',
      message: anyText('something else than JSON'),
      hint: anyText('/v1/sys/health'),
    });
  });

  test('a namespace goes along; without it, or with another, no engine is found', async () => {
    server.switches.namespace = 'team-a';
    put({ password: 'hunter2' });
    expect(await read({ env: { VAULT_NAMESPACE: 'team-a' } })).toBeDefined();
    expect(await read({ settings: { namespace: 'team-a' }, env: { VAULT_NAMESPACE: 'b' } })).toBeDefined();
    for (const env of [{}, { VAULT_NAMESPACE: 'team-b' }]) {
      expect(await refused(() => read({ env }))).toMatchObject({
        code: 'SECRET_MISSING',
        message: anyText(server.address),
        hint: anyText('vault secrets list'),
        details: [anyText('no handler for route')],
      });
    }
  });
});

describe('the state of Vault', () => {
  test.each([
    ['sealed', 'VAULT_SEALED', 'is sealed', 'vault operator unseal -address='],
    ['uninitialised', 'VAULT_UNINITIALISED', 'is not initialised', 'vault operator init -address='],
    ['standby', 'VAULT_STANDBY', 'is a standby that finds no active node', 'vault status -address='],
    ['secondary', 'VAULT_STANDBY', 'is a secondary for disaster recovery', 'primary cluster'],
  ] as const)('%s', async (state, code, message, hint) => {
    server.switches.state = state;
    const failure = await refused(() => read({ timeoutMs: 1500 }));
    expect(failure).toMatchObject({
      code,
      message: anyText(`Vault at ${server.address} ${message}`),
      hint: anyText(hint),
      isPassing: false,
    });
  });

  test('a sealed Vault is not asked again', async () => {
    server.switches.state = 'sealed';
    await refused(() => read({ timeoutMs: 5000 }));
    expect(server.requests.map(({ path }) => path)).toEqual(['sys/internal/ui/mounts/secret', 'sys/health']);
  });

  test('a Vault that is unsealed serves whoever asked it before', async () => {
    const vault = await connect();
    server.switches.state = 'sealed';
    await refused(() => vault.readSecret(PLACE));
    server.switches.state = 'active';
    expect(await vault.readSecret(PLACE)).toBeUndefined();
  });

  test('an election that ends soon is waited for', async () => {
    server.switches.state = 'standby';
    setTimeout(() => (server.switches.state = 'active'), 100);
    expect(await read({ timeoutMs: 5000 })).toBeUndefined();
  });

  test.each([500, 502, 503, 429, 412, 'drop'] as const)('a passing %s is got over', async (how) => {
    server.switches.flaky = { requests: 2, how };
    expect(await read({ timeoutMs: 5000 })).toBeUndefined();
    expect(callsTo('sys/internal/ui/mounts/secret')).toBe(3);
  });

  test('one that starts late is waited for', async () => {
    const port = Number(new URL(server.address).port);
    await server.stop();
    const late = connect({ env: { VAULT_ADDR: `http://127.0.0.1:${port}` }, timeoutMs: 5000 });
    setTimeout(() => void start(undefined, port), 150);
    expect(await (await late).readSecret(PLACE)).toBeUndefined();
  });

  test.each([
    [500, 'VAULT_FAILED', 'failed to read secret/redis/dev: status 500'],
    [429, 'VAULT_FAILED', 'status 429'],
    ['drop', 'VAULT_UNREACHABLE', 'is unreachable'],
  ] as const)('a lasting %s is reported in the end', async (how, code, message) => {
    server.switches.flaky = { requests: 1000, how };
    expect(await refused(() => read({ timeoutMs: 2000 }))).toMatchObject({ code, message: anyText(message) });
    expect(callsTo('sys/internal/ui/mounts/secret')).toBeGreaterThan(1);
  });

  test.each([500, 'drop'] as const)(
    'a write is not repeated after %s, and says that it may have happened',
    async (how) => {
      const vault = await connect({ timeoutMs: 5000 });
      const seen = { fields: {}, version: 0 };
      await vault.readSecret(PLACE);
      server.switches.flaky = { requests: 1, how };
      const failure = await refused(() => vault.writeSecret(PLACE, { password: new Secret('hunter2') }, seen));
      expect(failure.message).toContain('may have been done all the same');
      expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    },
  );

  test('a write that was turned away by a rate limit is repeated', async () => {
    const vault = await connect({ timeoutMs: 5000 });
    await vault.readSecret(PLACE);
    server.switches.flaky = { requests: 1, how: 429 };
    await vault.writeSecret(PLACE, { password: new Secret('hunter2') }, { fields: {}, version: 0 });
    expect(server.versions.get('secret/redis/dev')).toHaveLength(1);
  });
});

describe('redirects', () => {
  test('of a standby to its active node are followed, with the token', async () => {
    const active = await start();
    server.switches.state = { redirect: active.address };
    const vault = await connect();
    await vault.writeSecret(PLACE, { password: new Secret('hunter2') }, undefined);
    expect(active.versions.get('secret/redis/dev')).toEqual([{ password: 'hunter2' }]);
    expect(active.requests.every(({ headers }) => headers['x-vault-token'] === 'root-token')).toBe(true);
  });

  test('are followed once', async () => {
    const other = await start();
    other.switches.state = { redirect: server.address };
    server.switches.state = { redirect: other.address };
    expect(await refused(() => read())).toMatchObject({ code: 'VAULT_STANDBY', hint: anyText('Active Node Address') });
  });

  test('never lead from https to http: the token stays here', async () => {
    const { ca, vault: standby } = await startTls();
    standby.switches.state = { redirect: server.address };
    const failure = await refused(() => read({ settings: { caFile: ca, address: standby.address } }));
    expect(failure).toMatchObject({
      code: 'VAULT_UNTRUSTED',
      message: anyText(`redirects to ${server.address}, to which no token is sent`),
      hint: anyText('api_addr'),
    });
    expect(server.requests).toEqual([]);
  });
});

async function startTls(
  names = ['localhost'],
  addresses = ['127.0.0.1'],
  notAfter?: Date,
): Promise<{ ca: string; vault: VaultStandIn }> {
  const vault = await start(await certificateFor(names, addresses, notAfter));
  return { ca: await credentialFile((await theAuthority()).pem, 0o644, 'ca.pem'), vault };
}

describe('TLS', () => {
  test('with the authority of secrets.caFile or VAULT_CACERT', async () => {
    const { ca, vault } = await startTls();
    const address = vault.address;
    expect(await read({ settings: { address, caFile: ca }, env: { VAULT_CACERT: '/nowhere' } })).toBeUndefined();
    expect(await read({ settings: { address }, env: { VAULT_CACERT: ca } })).toBeUndefined();
  });

  test('without it, whatever VAULT_SKIP_VERIFY says', async () => {
    const { vault } = await startTls();
    const env = { VAULT_SKIP_VERIFY: 'true' };
    expect(await refused(() => read({ settings: { address: vault.address }, env }))).toMatchObject({
      code: 'VAULT_UNTRUSTED',
      message: anyText(`Vault at ${vault.address} can't be trusted: its certificate is of an unknown authority`),
      hint: 'Name the authority: secrets.caFile in the YAML file, or export VAULT_CACERT=/path/to/ca.pem',
    });
    expect(vault.requests).toEqual([]);
  });

  test.each([
    [['vault.example'], [], undefined, 'for another name', 'Use a name'],
    [['localhost'], ['127.0.0.1'], new Date(Date.now() - 60_000), 'has expired', 'Renew'],
  ] as const)('a certificate for %j %j until %s', async (names, addresses, notAfter, message, hint) => {
    const { ca, vault } = await startTls([...names], [...addresses], notAfter);
    const failure = await refused(() => read({ settings: { address: vault.address, caFile: ca } }));
    expect(failure).toMatchObject({ code: 'VAULT_UNTRUSTED', message: anyText(message), hint: anyText(hint) });
  });

  test('https, where http is spoken', async () => {
    const address = server.address.replace('http:', 'https:');
    expect(await refused(() => read({ settings: { address } }))).toMatchObject({
      code: 'VAULT_UNTRUSTED',
      message: anyText("doesn't speak TLS, and the address in secrets.address says https"),
      hint: anyText(server.address),
    });
  });

  test('http, where TLS is spoken', async () => {
    const { vault } = await startTls();
    expect(await refused(() => read({ env: { VAULT_ADDR: vault.address.replace('https:', 'http:') } }))).toMatchObject({
      code: 'VAULT_UNTRUSTED',
      message: anyText('speaks TLS, and the address in VAULT_ADDR says http'),
      hint: `Write ${vault.address} in VAULT_ADDR.`,
    });
  });

  test("http, where TLS is spoken by Go's server, which answers in clear", async () => {
    const { cert, key } = await certificateFor(['localhost'], ['127.0.0.1']);
    const { address, stop } = await likeGo(cert, key);
    const failure = await refused(() => read({ env: { VAULT_ADDR: address } }));
    await stop();
    expect(failure).toMatchObject({ code: 'VAULT_UNTRUSTED', message: anyText('speaks TLS') });
  });

  test.each([
    ['/nowhere/ca.pem', 'ENOENT'],
    ['text', 'no certificate in PEM'],
  ])('an authority that is none: %s', async (content, message) => {
    const caFile = content.startsWith('/') ? content : await credentialFile(content, 0o644, 'ca.pem');
    expect(await refused(() => connect({ settings: { caFile } }))).toMatchObject({
      code: 'VAULT_UNTRUSTED',
      message: anyText(message),
      hint: anyText('secrets.caFile'),
    });
  });
});

/** A port that speaks TLS, and answers a request in clear as net/http does: with 400 and plain text. */
async function likeGo(cert: string, key: string): Promise<{ address: string; stop: () => Promise<void> }> {
  const tls = await start({ cert, key });
  const tlsPort = Number(new URL(tls.address).port);
  const front = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      const handshakeRecord = 0x16;
      if (first[0] !== handshakeRecord) {
        socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n');
        return;
      }
      const behind = connectTo(tlsPort, '127.0.0.1');
      behind.on('error', () => socket.destroy());
      behind.write(first);
      socket.pipe(behind).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, stop: () => new Promise((resolve) => front.close(() => resolve())) };
}

describe('tokens', () => {
  const tokenOf = (): unknown => server.requests.at(-1)?.headers['x-vault-token'];

  test('secrets.auth.tokenFile comes before VAULT_TOKEN, and that before ~/.vault-token', async () => {
    const tokenFile = await credentialFile('of-file\n');
    const HOME = await tempFolder();
    await writeFile(join(HOME, '.vault-token'), 'of-home', { mode: 0o600 });
    for (const token of ['of-file', 'of-variable', 'of-home']) server.tokens.set(token, 'all');
    const env = { HOME, VAULT_TOKEN: 'of-variable' };
    await read({ settings: { auth: { method: 'token', tokenFile } }, env });
    expect(tokenOf()).toBe('of-file');
    await read({ env });
    expect(tokenOf()).toBe('of-variable');
    await read({ env: { HOME, VAULT_TOKEN: '' } });
    expect(tokenOf()).toBe('of-home');
  });

  test('none', async () => {
    expect(await refused(() => connect({ env: { VAULT_TOKEN: undefined } }))).toMatchObject({
      code: 'VAULT_TOKEN_INVALID',
      message: `there is no token for Vault at ${server.address}: neither in VAULT_TOKEN nor in /nowhere/.vault-token`,
      hint: anyText(`vault login -address=${server.address}`),
    });
  });

  test('one that could not stand in a header', async () => {
    const failure = await refused(() => connect({ env: { VAULT_TOKEN: 'root-token\nroot-token' } }));
    expect(failure).toMatchObject({
      code: 'VAULT_TOKEN_INVALID',
      message: anyText('VAULT_TOKEN'),
      hint: anyText('login'),
    });
  });

  test.each([
    ['root-token', 0o640, 'can be read by other users', 'chmod 600'],
    [' \n', 0o600, 'is empty', 'Write it again'],
    [undefined, 0o600, "doesn't exist", 'ls -l'],
  ])('a file with %j and mode %i', async (content, mode, message, hint) => {
    const tokenFile = content === undefined ? '/nowhere/token' : await credentialFile(content, mode);
    expect(await refused(() => connect({ settings: { auth: { method: 'token', tokenFile } } }))).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: anyText(message),
      hint: anyText(hint),
    });
  });

  test('one that ran out is told apart from one that may not', async () => {
    expect(await refused(() => read({ env: { VAULT_TOKEN: 'stale-token' } }))).toMatchObject({
      code: 'VAULT_TOKEN_INVALID',
      message: anyText(`Vault at ${server.address} doesn't accept the token`),
      hint: anyText('vault login'),
      details: ['2 errors occurred: * permission denied * invalid token'],
    });
  });

  test('one that may not read, create or update, and one that may nothing there at all', async () => {
    const path = 'secret/data/redis/dev';
    const attempts: [Record<string, ('create' | 'read' | 'update')[]>, string][] = [
      [{ [path]: [] }, `it needs the capability "read" on ${path}`],
      [{ [path]: ['read'] }, `it needs the capability "create" on ${path}`],
      [{ 'pki/issue/redis': ['update'] }, 'denies this token everything below secret, or nothing is mounted there'],
    ];
    for (const [policy, message] of attempts) {
      server.tokens.set('limited-token', policy);
      const vault = await connect({ env: { VAULT_TOKEN: 'limited-token' } });
      const failure = await refused(async () => {
        await vault.readSecret(PLACE);
        await vault.writeSecret(PLACE, { password: 'hunter2' }, undefined);
      });
      expect(failure).toMatchObject({
        code: 'VAULT_DENIED',
        message: anyText(message),
        hint: anyText('policy'),
      });
    }
    put({ password: 'swordfish' });
    server.tokens.set('limited-token', { [path]: ['read', 'create'] });
    const vault = await connect({ env: { VAULT_TOKEN: 'limited-token' } });
    const seen = await vault.readSecret(PLACE);
    const failure = await refused(() => vault.writeSecret(PLACE, { password: 'hunter2' }, seen));
    expect(failure).toMatchObject({ code: 'VAULT_DENIED', message: anyText('capability "update"') });
  });

  test('an engine that is no KV', async () => {
    const place = { mount: 'pki', path: 'redis' };
    const failure = await refused(async () => (await connect()).readSecret(place));
    expect(failure).toMatchObject({ code: 'VAULT_FAILED', message: anyText('an engine pki, not KV') });
  });
});

describe('AppRole', () => {
  const auth = (folder: string, mount = 'approle') => ({
    settings: { auth: { method: 'approle', mount, folder } as const },
  });

  beforeEach(() => {
    server.appRoles.set('role-1', { secretId: 's3cret-id', token: 'approle-token' });
  });

  test('logs in with the two files, and gives the token back at the end', async () => {
    put({ password: 'hunter2' });
    const vault = await connect(auth(await appRoleFolder('role-1\n', 's3cret-id\n')));
    expect(await vault.readSecret(PLACE)).toBeDefined();
    expect(server.requests[0]).toMatchObject({ path: 'auth/approle/login', method: 'POST' });
    expect(server.requests[0]?.headers).not.toHaveProperty('x-vault-token');
    expect(server.requests.at(-1)?.headers).toMatchObject({ 'x-vault-token': 'approle-token' });
    await vault.close();
    expect(server.tokens.has('approle-token')).toBe(false);
  });

  test('a login is repeated when Vault stumbles', async () => {
    server.switches.flaky = { requests: 1, how: 500 };
    await connect({ ...auth(await appRoleFolder('role-1', 's3cret-id')), timeoutMs: 5000 });
    expect(callsTo('auth/approle/login')).toBe(2);
  });

  test.each([
    ['role-1', 'swordfish', 'approle', 400, 'invalid role or secret ID'],
    ['role-2', 's3cret-id', 'approle', 400, 'invalid role or secret ID'],
    ['role-1', 's3cret-id', 'elsewhere', 403, '1 error occurred: * permission denied'],
  ])('%s with %s at %s', async (roleId, secretId, mount, status, detail) => {
    const folder = await appRoleFolder(roleId, secretId);
    expect(await refused(() => connect(auth(folder, mount)))).toMatchObject({
      code: 'VAULT_LOGIN_FAILED',
      message: `Vault at ${server.address} refused to log in with AppRole at auth/${mount}: status ${status}`,
      hint: anyText(`auth/${mount}/role/`),
      details: [detail],
    });
  });

  test.each([
    [undefined, 's3cret-id', 0o600, "role-id doesn't exist"],
    ['role-1', undefined, 0o600, "secret-id doesn't exist"],
    ['', 's3cret-id', 0o600, 'role-id is empty'],
    ['role-1', '\n', 0o600, 'secret-id is empty'],
    ['role-1', 's3cret-id', 0o644, 'secret-id can be read by other users'],
  ])('files %j and %j, mode %i: %s', async (roleId, secretId, mode, message) => {
    const folder = await appRoleFolder(roleId, secretId, mode);
    const failure = await refused(() => connect(auth(folder)));
    expect(failure).toMatchObject({ code: 'SECRET_UNREADABLE', message: anyText(message), hint: anyText(folder) });
    expect(server.requests).toEqual([]);
  });
});

describe('certificates', () => {
  const request = {
    commonName: 'redis-1.redis.test',
    dnsNames: ['redis.test'],
    ipAddresses: ['172.20.0.11'],
    ttl: '24h',
  };
  const issue = async (role = 'redis', changes: Partial<typeof request> = {}, env = {}) =>
    (await connect({ env })).issueCertificate({ mount: 'pki', role }, { ...request, ...changes });

  beforeEach(() => {
    server.roles.set('redis', { domain: 'redis.test', allowsAddresses: true });
    server.roles.set('names-only', { domain: 'redis.test', allowsAddresses: false });
  });

  test('are issued with all names, and with the authority once', async () => {
    const issued = await issue();
    const certificate = new X509Certificate(issued.certificatePem);
    expect(certificate.subjectAltName).toContain('IP Address:172.20.0.11');
    expect(certificate.checkHost('redis-1.redis.test')).toBeDefined();
    expect(certificate.verify(new X509Certificate(issued.caPem).publicKey)).toBe(true);
    expect(issued.caPem).toMatch(/^-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n$/);
    expect(issued.privateKeyPem.reveal()).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(inspect(issued, { depth: 10, showHidden: true })).not.toContain('PRIVATE KEY');
    expect(server.requests.at(-1)?.body).toEqual({
      common_name: 'redis-1.redis.test',
      alt_names: 'redis.test',
      ip_sans: '172.20.0.11',
      ttl: '24h',
      private_key_format: 'pkcs8',
    });
  });

  test.each([
    ['redis', { commonName: 'redis.example' }, 'common name redis.example not allowed by this role'],
    ['redis', { dnsNames: ['x.example'] }, 'subject alternate name x.example not allowed by this role'],
    ['names-only', {}, 'IP Subject Alternative Names are not allowed in this role, but was provided: 172.20.0.11'],
    ['nobody', {}, 'unknown role: nobody'],
  ])('that the role %s refuses: %j', async (role, changes, detail) => {
    expect(await refused(() => issue(role, changes))).toMatchObject({
      code: 'VAULT_FAILED',
      message: `Vault at ${server.address} failed to issue a certificate at pki/issue/${role}: status 400`,
      hint: anyText('vault read pki/roles/'),
      details: [detail],
    });
  });

  test('that the token may not ask for', async () => {
    server.tokens.set('limited-token', { 'secret/data/redis/dev': ['read'] });
    expect(await refused(() => issue('redis', {}, { VAULT_TOKEN: 'limited-token' }))).toMatchObject({
      code: 'VAULT_DENIED',
      message: anyText('it needs the capability "update" on pki/issue/redis'),
      hint: anyText('vault token capabilities pki/issue/redis'),
    });
  });
});
