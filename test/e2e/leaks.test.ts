/**
 * Canaries stand in the place of every secret, every command and every failure is run, and then they are looked for
 * wherever somebody else could see them.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { Secret } from '../../src/secret.ts';
import { CERTIFICATE_FILE } from '../../src/plan/node/redis-config.ts';
import { up } from '../../src/stack/commands/up.ts';
import { startService } from '../helpers/service.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';
import { startVault, type VaultStandIn } from '../helpers/vault-stand-in.ts';

const run = promisify(execFile);
let stack: TestStack;
let vault: VaultStandIn;
beforeEach(async () => {
  vault = await startVault();
});
afterEach(async () => {
  await vault.stop();
  await stack.remove();
});

/** A place where a secret must not be, and what is there. */
type Places = Map<string, string>;

/** Looks also for what tools make of a secret on its way: base64, percent-encoding, JSON. */
function found(canaries: Readonly<Record<string, string>>, places: Places): string[] {
  return Object.entries(canaries).flatMap(([what, canary]) => {
    if (canary.length < 16) throw new Error(`the canary for ${what} is too short to be looked for`);
    const forms = [
      canary,
      Buffer.from(canary).toString('base64').replace(/=+$/, '').slice(0, -1),
      encodeURIComponent(canary),
    ];
    return [...places].flatMap(([place, text]) =>
      forms.some((form) => text.includes(form)) ? [`${what} in ${place}`] : [],
    );
  });
}

/** The arguments and environments of all processes that aren't Redis's own clients inside the containers. */
function processes(places: Places): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      places.set(`cmdline of ${pid}: ${places.size}`, readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
    } catch {
      // It has ended since.
    }
  }
}

async function engineSide(places: Places): Promise<void> {
  const docker = dockerOf(stack.engine);
  for (const node of stack.ips.keys()) {
    const container = docker.getContainer(stack.container(node + 1));
    places.set(`inspect ${node + 1}: ${places.size}`, JSON.stringify(await container.inspect()));
    const logs = await container.logs({ stdout: true, stderr: true });
    places.set(`logs ${node + 1}: ${places.size}`, logs.toString('latin1'));
  }
  places.set(`networks ${places.size}`, JSON.stringify(await docker.listNetworks()));
  places.set(`volumes ${places.size}`, JSON.stringify(await docker.listVolumes()));
  places.set(`containers ${places.size}`, JSON.stringify(await docker.listContainers({ all: true })));
}

/** In this process; what a failure threw is looked into as well, as deep as it goes. */
async function commands(places: Places, lines: readonly (readonly string[])[]): Promise<void> {
  for (const line of lines) {
    const { stdout, stderr } = await stack.run(...line);
    places.set(`stdout of ${line.join(' ')}: ${places.size}`, stdout);
    places.set(`stderr of ${line.join(' ')}: ${places.size}`, stderr);
    processes(places);
  }
}

/**
 * As a person would who looks for a mistake: with all debug output that the libraries and Node.js have. But for that of
 * child_process: tsx starts Node.js anew, and with it Node.js prints the environment that the person set himself.
 */
async function debugged(places: Places, ...line: readonly string[]): Promise<void> {
  const tsx = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
  const env = { ...stack.env, DEBUG: '*', NODE_DEBUG: 'net,tls,http,https,http2,undici,fetch,stream,fs,timer,module' };
  const options = { env, maxBuffer: 256 * 1024 * 1024 };
  const { stdout, stderr } = await run(process.execPath, [tsx, 'manage.ts', ...line, '-f', stack.file], options).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  expect(stderr).toContain('NET');
  places.set(`debug output of ${line.join(' ')}: ${places.size}`, stdout + stderr);
}

async function errorObject(places: Places): Promise<void> {
  const session = await stack.session();
  try {
    const secret = await session.source.read();
    await up({ ...session, secret });
  } catch (error) {
    places.set(`error object ${places.size}`, inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error));
  }
  places.set(`session ${places.size}`, inspect({ ...session, env: {} }, { depth: 12, showHidden: true }));
}

/** Everything that the inspection service gives out, to who has its token and to who hasn't; headers too. */
async function answers(places: Places, token: string): Promise<void> {
  const service = await startService(stack, { token: new Secret(token) });
  try {
    const paths = [
      '/',
      '/page/app.js',
      '/openapi.json',
      '/docs',
      '/docs/json',
      '/healthz',
      '/readyz',
      '/metrics',
      '/no',
    ];
    const inspected = ['info', 'nodes', 'slots', 'node/redis-1', 'node/none', 'key-slot?key=a', 'key-slot'];
    for (const path of [...paths, ...inspected.map((name) => `/redis-cluster/${name}`)]) {
      for (const authorization of [`Bearer ${token}`, 'Bearer none']) {
        const answer = await service.get(path, { authorization });
        const text = `${answer.status} ${inspect([...answer.headers])} ${await answer.text()}`;
        places.set(`answer to GET ${path}: ${places.size}`, text);
      }
    }
    const live = await service.get('/events', { authorization: `Bearer ${token}` });
    let events = '';
    for await (const chunk of live.body ?? []) {
      events += Buffer.from(chunk).toString('utf8');
      if (events.includes('event: state')) break;
    }
    expect(events).toContain('event: hello');
    places.set(`events: ${places.size}`, events);
  } finally {
    await service.stop();
  }
}

/** A key whose slot is one of the first. */
function keyBelow(slot: number): string {
  for (let attempt = 0; ; attempt += 1) if (keySlot(Buffer.from(`key:${attempt}`)) < slot) return `key:${attempt}`;
}

const EVERY_COMMAND: readonly (readonly string[])[] = [
  ['plan'],
  ['plan', '--json'],
  ['up'],
  ['up', '--json'],
  ['status'],
  ['status', '--json'],
  ['certs'],
  ['certs', '--json'],
  ['env'],
  ['env', '--format', 'shell'],
  ['env', '--format', 'json'],
  ['logs', '--tail', 'all'],
  ['redis-cli', '--', 'INFO'],
  ['cluster', 'check', '--json'],
  ['cluster', 'nodes', '--json'],
  ['cluster', 'call', 'CONFIG', 'SET', 'slowlog-log-slower-than', '0'],
  // MIGRATE logs in at the target.
  ['redis-cli', '--', 'SET', keyBelow(300), 'value'],
  ['cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', '300'],
  ['cluster', 'rebalance', '--threshold', '0', '--json'],
  ['cluster', 'fix'],
  ['cluster', 'wait', '--json'],
  ['redis-cli', '--', 'SLOWLOG', 'GET', '128'],
  ['redis-cli', '--', 'ACL', 'LOG'],
  ['redis-cli', '--', 'CLIENT', 'LIST'],
  ['restart', '--json'],
  ['secrets', 'init'],
  ['secrets', 'init', '--json'],
  ['up', '--offline'],
];

test('Vault: neither password, token, secret-id, nor a private key is anywhere', { timeout: 600_000 }, async () => {
  const canary = (name: string): string => `canary-${name}-${randomBytes(12).toString('hex')}`;
  const canaries: Record<string, string> = {
    password: canary('password'),
    'Vault token': canary('token'),
    'token of the role': canary('role-token'),
    'secret-id': canary('secret-id'),
    'another field': canary('field'),
    'token of the service': canary('service-token'),
  };
  vault.versions.set('secret/redis-1', [{ password: canaries['password'], other: canaries['another field'] }]);
  vault.tokens.set(canaries['Vault token'] ?? '', 'all');
  vault.appRoles.set('role', { secretId: canaries['secret-id'] ?? '', token: canaries['token of the role'] ?? '' });
  stack = await makeStack({
    secrets: '{ provider: vault, path: redis-1 }',
    tls: '{ clientAuth: optional }',
    env: { VAULT_ADDR: vault.address, VAULT_TOKEN: canaries['Vault token'] },
  });
  mkdirSync(join(stack.folder, 'role'));
  writeFileSync(join(stack.folder, 'role/role-id'), 'role');
  writeFileSync(join(stack.folder, 'role/secret-id'), canaries['secret-id'] ?? '', { mode: 0o600 });
  const places: Places = new Map();

  await commands(places, [
    ...EVERY_COMMAND,
    ['cluster', 'backup', join(stack.folder, 'backup')],
    ['cluster', 'restore', join(stack.folder, 'backup'), '--replace', '--json'],
  ]);
  const keyIn = (pem: string | undefined): string => /KEY-----\n(?:.*\n)?(.{40})/.exec(pem ?? '')?.[1] ?? '';
  const state = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'tls');
  canaries['key of the authority'] = keyIn(readFileSync(join(state, 'ca.pem'), 'utf8'));
  canaries['key of the client'] = keyIn(readFileSync(join(state, 'client.pem'), 'utf8'));
  canaries['key of a node'] = keyIn(await stack.engine.readFile(stack.container(1), CERTIFICATE_FILE));
  await engineSide(places);
  await answers(places, canaries['token of the service'] ?? '');
  for (const line of [['up'], ['status'], ['plan', '--json'], ['certs'], ['cluster', 'rebalance', '--threshold', '0']])
    await debugged(places, ...line);

  // With AppRole, and each thing that Vault may answer instead.
  stack.edit((yaml) => yaml.replace('path: redis-1', 'path: redis-1, auth: { method: approle, folder: role }'));
  await commands(places, [['plan'], ['up']]);
  await debugged(places, 'plan');
  const states = ['sealed', 'uninitialised', 'standby'] as const;
  for (const one of states) {
    vault.switches.state = one;
    await commands(places, [['up'], ['up', '--json'], ['secrets', 'rotate']]);
    await errorObject(places);
  }
  vault.switches.state = 'active';
  vault.switches.flaky = { requests: 100, how: 500, error: `plugin says ${canaries['token of the role'] ?? ''}` };
  await commands(places, [['up', '--json']]);
  vault.switches.flaky = { requests: 100, how: 'text' };
  await commands(places, [['up', '--json']]);
  vault.switches.flaky = { requests: 0, how: 500 };
  vault.appRoles.clear();
  await commands(places, [['up', '--json']]);
  await errorObject(places);
  await debugged(places, 'up');
  stack.edit((yaml) => yaml.replace('field: password', '').replace('path: redis-1', 'path: nothing'));
  vault.appRoles.set('role', { secretId: canaries['secret-id'] ?? '', token: canaries['token of the role'] ?? '' });
  await commands(places, [['up'], ['up', '--json']]);
  stack.edit((yaml) => yaml.replace('path: nothing', 'path: redis-1'));

  // A rotation: the old password, and the new one.
  vault.switches.beforeWrite = () => vault.versions.get('secret/redis-1')?.push({ password: canaries['password'] });
  await commands(places, [['secrets', 'rotate']]);
  await commands(places, [['secrets', 'rotate', '--json'], ['up'], ['redis-cli', '--', 'SLOWLOG', 'GET', '128']]);
  await debugged(places, 'secrets', 'rotate');
  for (const version of vault.versions.get('secret/redis-1') ?? []) {
    canaries[`password ${String(version?.['password']).slice(0, 4)}`] = String(version?.['password']);
  }
  await stack.redis(2, 'CONFIG', 'SET', 'requirepass', (canaries['by hand'] = canary('by-hand')));
  await commands(places, [['up'], ['plan', '--json'], ['status', '--json']]);
  await errorObject(places);
  // With a node whose password is nobody's, and with none at all.
  await answers(places, canaries['token of the service'] ?? '');
  await commands(places, [['restart'], ['down']]);
  await answers(places, canaries['token of the service'] ?? '');
  await commands(places, [['up', '--offline', '--json']]);

  expect(found(canaries, places)).toEqual([]);
  // That it would be found, if it were there.
  places.set('a place', `x${canaries['password'] ?? ''}y`);
  expect(found(canaries, places)).toContain('password in a place');
  console.log(`${Object.keys(canaries).length} canaries, ${places.size - 1} places searched, none found`);
});

test('generated: the password passes no argument and no environment while redis-cli runs', async () => {
  stack = await makeStack();
  await stack.must('up');
  const password = readFileSync(
    join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password'),
    'utf8',
  ).trim();
  const tsx = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
  const child = spawn(
    process.execPath,
    [tsx, 'manage.ts', 'redis-cli', '-f', stack.file, '--', 'DEBUG', 'SLEEP', '2'],
    {
      env: stack.env,
      stdio: 'ignore',
    },
  );
  const places: Places = new Map();
  while (child.exitCode === null) {
    processes(places);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect([...places.values()].some((cmdline) => cmdline.includes('redis-cli'))).toBe(true);
  expect(found({ password }, places)).toEqual([]);
});
