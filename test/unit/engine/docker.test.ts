/** What is sent to an engine, where engines differ: a stand-in that answers as they were heard to. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiVersionFor } from '../../../src/engine/api-version.ts';
import { connectDocker } from '../../../src/engine/docker.ts';
import type { SingleEngine } from '../../../src/engine/engine.ts';
import { specOf, wantedFor } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

interface Answer {
  readonly isNever?: boolean;
  readonly status?: number;
  readonly body?: unknown;
}

const tempFolder = useTempFolders();
const [definition] = [...wantedFor(specOf()).containers.values()];
/** `POST /containers/create` → what is answered; 200 and `{}` where nothing is said. */
let answers: Record<string, Answer>;
let calls: { readonly call: string; readonly query: string; readonly body: unknown }[];
let paths: string[];
let server: Server;
let engine: SingleEngine;

beforeEach(async () => {
  answers = {
    'GET /version': { body: { Version: '29.0.0', ApiVersion: '1.52', MinAPIVersion: '1.44', Os: '', Arch: '' } },
  };
  calls = [];
  paths = [];
  server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://engine');
    paths.push(pathname);
    const call = `${request.method} ${pathname.replace('/v1.44/', '/')}`;
    void json(request)
      .catch(() => undefined)
      .then((body) => {
        if (call !== 'GET /version') calls.push({ call, query: search, body });
        const { status = 200, body: answer = {}, isNever = false } = answers[call] ?? {};
        if (isNever) return;
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
      });
  });
  const socketPath = join(await tempFolder(), 'engine.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  const endpoint = { address: `unix://${socketPath}`, source: 'test', publishedHost: '127.0.0.1' };
  const bounds = { signal: new AbortController().signal, timeoutMs: 10_000 };
  engine = await connectDocker({ endpoint, options: { socketPath } }, bounds, { labels: { owner: 'me' } });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('an engine that takes long to say what it is answers a ping meanwhile', async () => {
  answers = { 'GET /version': { isNever: true } };
  const version = engine.version();
  await engine.ping();
  expect(paths).toContain('/_ping');
  server.closeAllConnections();
  await expect(version).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
});

const bodyOf = (call: string): unknown => calls.find((one) => one.call === call)?.body;

test.each([
  ['Engine 20.10', '1.41', '1.12', 'v1.41'],
  ['Engine 28', '1.51', '1.24', 'v1.41'],
  ['Engine 29, which has given up what is before', '1.52', '1.44', 'v1.44'],
  ['an older one', '1.40', '1.12', 'v1.40'],
  ['Podman 4.3', '1.41', '1.24', 'v1.41'],
  ['one that says nothing of it', '', '', 'v1.41'],
])('the path of each call names an API version that the engine has: %s', (_engine, ApiVersion, MinAPIVersion, api) => {
  expect(apiVersionFor({ ApiVersion, MinAPIVersion })).toBe(api);
});

test('an engine that is too old is told as such, and asked for nothing', async () => {
  answers['GET /version'] = {
    body: { Version: '19.03.15', ApiVersion: '1.40', MinAPIVersion: '1.12', Os: 'linux', Arch: 'amd64' },
  };
  await expect(engine.listVolumes()).rejects.toMatchObject({
    code: 'ENGINE_FAILED',
    message: expect.stringContaining('version 19.03.15, is too old: its API is 1.40, and 1.41 or later') as string,
  });
  expect(calls).toEqual([]);
});

test('asked for once, and again where that failed', async () => {
  const version = answers['GET /version'];
  answers['GET /version'] = { status: 500 };
  await expect(engine.listVolumes()).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  if (version !== undefined) answers['GET /version'] = version;
  answers['GET /volumes'] = { body: { Volumes: null } };
  expect(await engine.listVolumes()).toEqual([]);
  expect(await engine.listVolumes()).toEqual([]);
  expect(paths.filter((path) => path === '/version')).toHaveLength(2);
  expect(paths.slice(-2)).toEqual(['/v1.44/volumes', '/v1.44/volumes']);
});

describe('a container', () => {
  test('gets its volume by a call before its own: Podman puts no labels on one that comes with a container', async () => {
    if (definition === undefined) throw new Error('no node');
    await engine.createContainer(definition);
    expect(calls.map(({ call }) => call)).toEqual(['POST /volumes/create', 'POST /containers/create']);
    const { name, labels } = definition.volume;
    expect(bodyOf('POST /volumes/create')).toEqual({ Name: name, Driver: 'local', Labels: { ...labels, owner: 'me' } });
    expect(bodyOf('POST /containers/create')).toMatchObject({
      HostConfig: {
        ReadonlyRootfs: true,
        Mounts: [
          { Type: 'volume', Source: name, Target: '/data' },
          { Type: 'volume', Source: '', Target: '/etc/redis' },
          { Type: 'volume', Source: name, Target: '/etc/redis/data' },
        ],
      },
    });
  });

  test('whose volume has no name brings its own: one that was made before would be left over', async () => {
    if (definition === undefined) throw new Error('no node');
    await engine.createContainer({ ...definition, volume: { ...definition.volume, name: '' } });
    expect(calls.map(({ call }) => call)).toEqual(['POST /containers/create']);
  });

  test('gets all files with one archive: where its root can only be read, into the volume through which its data are reached', async () => {
    if (definition === undefined) throw new Error('no node');
    const { name } = definition;
    const files = ['/etc/redis/node/redis.conf', '/data/nodes.conf'].map((path) => ({
      path,
      content: '',
      mode: 0o600,
      uid: 999,
      gid: 999,
    }));
    for (const one of [name, 'former']) answers[`GET /containers/${one}/archive`] = { status: 404 };
    const folders = async (): Promise<string[]> => {
      calls = [];
      await engine.writeFiles(name, files);
      await engine.readFile(name, files[0]?.path ?? '');
      return calls.map(({ call, query }) => `${call.split(' ')[0]} ${decodeURIComponent(query)}`);
    };
    await engine.createContainer(definition);
    expect(await folders()).toEqual(['PUT ?path=/etc/redis', 'GET ?path=/etc/redis/node/redis.conf']);
    // What is thrown away, and what an earlier version of this program made.
    await engine.createContainer({ ...definition, volume: { ...definition.volume, name: '' } });
    expect(await folders()).toEqual(['PUT ?path=/', 'GET ?path=/etc/redis/node/redis.conf']);
    const former = { Id: '1', State: 'running', Image: '', ImageID: '' };
    answers['GET /containers/json'] = { body: [{ ...former, Names: ['/former'] }] };
    await engine.listContainers();
    calls = [];
    expect(await engine.readFile('former', files[0]?.path ?? '')).toBeUndefined();
    expect(calls.map(({ query }) => decodeURIComponent(query))).toEqual(['?path=/etc/redis/redis.conf']);
  });

  test('has its data once on Podman, which would give the volume to root where it is mounted a second time', async () => {
    if (definition === undefined) throw new Error('no node');
    answers['GET /version'] = {
      body: {
        Version: '5',
        ApiVersion: '1.44',
        MinAPIVersion: '1.44',
        Os: '',
        Arch: '',
        Components: [{ Name: 'Podman Engine' }],
      },
    };
    await engine.createContainer(definition);
    const { HostConfig } = bodyOf('POST /containers/create') as { HostConfig: { Mounts: { Target: string }[] } };
    expect(HostConfig.Mounts.map(({ Target }) => Target)).toEqual(['/data', '/etc/redis']);
  });

  const podmanDrops = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'];
  test.each<[string, object, boolean]>([
    ['as it is made', {}, true],
    ['as Podman shows it', { CapAdd: [], CapDrop: podmanDrops, SecurityOpt: ['no-new-privileges'] }, true],
    ['by an earlier version of this program', { CapDrop: null, SecurityOpt: null, PidsLimit: null }, false],
    ['with one capability', { CapAdd: ['NET_ADMIN'] }, false],
    ['with a root that it can write', { ReadonlyRootfs: false }, false],
    ['with all of them', { Privileged: true }, false],
    ['that may gain some', { SecurityOpt: ['seccomp=unconfined', 'no-new-privileges=false'] }, false],
  ])('is seen to do no more than it needs, or more: %s', async (_how, changes, isConfined) => {
    if (definition === undefined) throw new Error('no node');
    await engine.createContainer(definition);
    const { HostConfig } = bodyOf('POST /containers/create') as { HostConfig: object };
    const State = { Status: 'running', ExitCode: 0, OOMKilled: false, Error: '', StartedAt: '' };
    const more = {
      State,
      Config: {},
      NetworkSettings: {},
      HostConfig: { ...HostConfig, PortBindings: {}, ...changes },
    };
    answers['GET /containers/one/json'] = { body: more };
    expect((await engine.inspectContainer('one'))?.isConfined).toBe(isConfined);
  });
});

test('a container whose address is held by itself is stuck, and by another one refused: Podman keeps that of a container whose processes were killed', async () => {
  const refusal = (holder: string): Answer => ({
    status: 500,
    body: { message: `IPAM error: requested ip address 10.0.0.9 is already allocated to container ID ${holder}` },
  });
  answers['GET /containers/one/json'] = { body: { Id: '0a'.repeat(32) } };
  answers['POST /containers/one/start'] = refusal('0a'.repeat(32));
  await expect(engine.startContainer('one')).rejects.toMatchObject({ code: 'CONTAINER_STUCK' });
  answers['POST /containers/one/start'] = refusal('0b'.repeat(32));
  await expect(engine.startContainer('one')).rejects.toMatchObject({ code: 'ADDRESS_TAKEN' });
});

describe('an update of limits', () => {
  test('says what it is given, and no more: rootless engines refuse a limit that they can’t set', async () => {
    const update = 'POST /containers/one/update';
    await engine.updateContainer('one', { restartPolicy: 'always' });
    expect(bodyOf(update)).toEqual({ RestartPolicy: { Name: 'always' } });
    calls = [];
    await engine.updateContainer('one', { restartPolicy: 'no', memoryBytes: 64, cpus: 0.5 });
    expect(bodyOf(update)).toEqual({ Memory: 64, MemorySwap: 64, NanoCpus: 5e8, RestartPolicy: { Name: 'no' } });
  });

  test('by an engine that has no such call, as Podman 4, or can’t, as rootless Docker, changes nothing and is no failure', async () => {
    answers['POST /containers/one/update'] = { status: 404, body: 'Not Found' };
    await expect(engine.updateContainer('one', { restartPolicy: 'always' })).resolves.toBeUndefined();
    answers['POST /containers/one/update'] = { status: 500, body: { message: 'cannot set memory limit' } };
    await expect(engine.updateContainer('one', { restartPolicy: 'always' })).resolves.toBeUndefined();
    answers['POST /containers/one/update'] = { status: 400, body: { message: 'bad parameter' } };
    await expect(engine.updateContainer('one', { restartPolicy: 'always' })).rejects.toThrow('bad parameter');
  });
});

test.each<[string, object, string, string?]>([
  ['Redis', { Entrypoint: ['docker-entrypoint.sh'], Cmd: ['redis-server'] }, 'redis'],
  ['an official Redis', { Cmd: ['redis-server'], Env: ['PATH=/bin', 'REDIS_VERSION=7.2.4'] }, 'redis', '7.2.4'],
  ['Valkey', { Entrypoint: ['docker-entrypoint.sh'], Cmd: ['valkey-server'] }, 'valkey'],
  ['an official Valkey', { Cmd: ['valkey-server'], Env: ['VALKEY_VERSION=9.0.1'] }, 'valkey', '9.0.1'],
  ['Valkey without an entrypoint', { Entrypoint: null, Cmd: ['/usr/bin/valkey-server', '--port', '6379'] }, 'valkey'],
  ['one that says nothing', { Cmd: null }, 'redis'],
])('an image says by what it starts how its programs are called: %s', async (_what, Config, program, version) => {
  answers['GET /images/one/json'] = { body: { Id: 'sha256:1', Os: 'linux', Architecture: 'arm64', Config } };
  expect(await engine.findImage('one')).toEqual({ id: 'sha256:1', server: program, platform: 'linux/arm64', version });
});

test.each([
  ['running', 0, true],
  ['restarting', 3, undefined],
])('a container that is %s: whether its exit code %i says how it ended', async (Status, ExitCode, isRunning) => {
  const settings = { Config: {}, HostConfig: { Memory: 0, NanoCpus: 0 }, Mounts: [], NetworkSettings: {} };
  const State = { Status, ExitCode, OOMKilled: false, StartedAt: '2026-11-29T14:00:00Z' };
  answers['GET /containers/one/json'] = { body: { State, ...settings } };
  expect((await engine.containerExit('one')).isRunning).toBe(isRunning);
});

test('limits that an engine doesn’t enforce are those of which it says so', async () => {
  answers['GET /info'] = { body: { MemoryLimit: false, CpuCfsQuota: false } };
  expect(await engine.unenforcedLimits()).toEqual(['memory', 'cpus']);
  answers['GET /info'] = { body: { MemoryLimit: true, CpuCfsQuota: false } };
  expect(await engine.unenforcedLimits()).toEqual(['cpus']);
  answers['GET /info'] = { body: { PidsLimit: false } };
  expect(await engine.unenforcedLimits()).toEqual(['processes']);
  answers['GET /info'] = { body: {} };
  expect(await engine.unenforcedLimits()).toEqual([]);
});

describe('an image that is imported', () => {
  const id = `sha256:${'0a'.repeat(32)}`;

  test('is tagged by a call of its own: Podman 4 calls it latest', async () => {
    answers['POST /images/create'] = { body: { status: id, progress: '', progressDetail: {}, id } };
    answers[`POST /images/${id}/tag`] = { status: 201 };
    await engine.importImage('mine:local', Buffer.from('tar'), ['CMD ["sh"]']);
    expect(calls.at(-1)).toMatchObject({ call: `POST /images/${id}/tag`, query: '?repo=mine&tag=local' });
  });
});

test.each([
  ['an hour ahead', 3_600_000, 3_590_000, 3_600_100],
  ['a minute behind', -60_000, -70_000, -50_000],
  ['as this one, as far as can be told', 0, -10_000, 0],
])('a host whose clock is %s', async (_how, byMs, least, most) => {
  answers['GET /info'] = { body: { MemTotal: 1024, SystemTime: new Date(Date.now() + byMs).toISOString() } };
  const { clockAheadMs = NaN, memoryBytes } = await engine.swarm();
  expect(memoryBytes).toBe(1024);
  expect(clockAheadMs).toBeGreaterThanOrEqual(least);
  expect(clockAheadMs).toBeLessThanOrEqual(most);
});

test('an engine that tells nothing of its host', async () => {
  answers['GET /info'] = { body: {} };
  expect(await engine.swarm()).toMatchObject({ memoryBytes: 0, clockAheadMs: 0 });
});
