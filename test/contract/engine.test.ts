/** What the rest of the program relies on when it talks to an engine. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectDocker } from '../../src/engine/docker.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { locateEngine } from '../../src/engine/locate.ts';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import type { ContainerDefinition, NetworkDefinition } from '../../src/plan/model/resources.ts';
import { StackError } from '../../src/errors.ts';
import { resolveImage } from '../../src/stack/observe/image.ts';
import { dockerSocket, freePorts, makeStack, removeByLabel, testEngine } from '../helpers/test-stack.ts';

let engine: Engine;
let network: NetworkDefinition;
let container: ContainerDefinition;
const stack = `c-${randomBytes(4).toString('hex')}`;

beforeEach(async () => {
  engine = await testEngine();
  const free = await makeStack();
  await free.remove();
  const { subnet } = free;
  const prefix = subnet.replace('.0/24', '');
  const [port = 0] = await freePorts(1);
  const labels = { [LABELS.stack]: stack, [LABELS.node]: 'one' };
  const image = (await resolveImage(engine, 'redis:7-alpine'))?.reference ?? LOCAL_IMAGE;
  network = { name: `${stack}-net`, subnet, gateway: `${prefix}.1`, automaticRange: `${prefix}.128/25`, labels };
  container = {
    name: `${stack}-one`,
    image,
    user: '999:999',
    command: ['redis-server', '--save', ''],
    hostname: 'one',
    labels,
    network: { name: network.name, address: `${prefix}.20`, aliases: ['one'] },
    ports: [{ hostAddress: '127.0.0.1', hostPort: port, containerPort: 6379 }],
    volume: { name: `${stack}-data`, path: '/data', labels },
    memoryBytes: 64 * 1024 ** 2,
    cpus: 0.5,
    restartPolicy: 'no',
    healthcheck: { command: ['CMD', 'true'], intervalMs: 1000, timeoutMs: 1000 },
  };
});
afterEach(() => removeByLabel(engine, stack));
afterAll(() => removeByLabel(engine, stack));

const found = async (): Promise<string | undefined> =>
  (await engine.listContainers()).find(({ name }) => name === container.name)?.state;

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no failure',
    (error: unknown) => (error instanceof StackError ? error.code : String(error)),
  );
}

async function allLogs(): Promise<string> {
  const lines: string[] = [];
  const options = { follow: false, tail: 'all', timestamps: false } as const;
  for await (const line of engine.logs(container.name, options)) lines.push(line);
  return lines.join('\n');
}

/** Before that, Redis doesn't listen to SIGTERM yet, and a stop would end in a kill. */
async function redisIsReady(): Promise<void> {
  await expect.poll(allLogs, { timeout: 20_000 }).toContain('Ready to accept connections');
}

describe('containers', () => {
  test('come and go: created, running, exited, gone, with the volume left', async () => {
    await engine.createNetwork(network);
    await engine.createContainer(container);
    expect(await found()).toBe('created');
    await engine.startContainer(container.name);
    await engine.startContainer(container.name);
    const running = (await engine.listContainers()).find(({ name }) => name === container.name);
    expect(running).toMatchObject({
      state: 'running',
      labels: container.labels,
      ports: container.ports,
      addresses: { [network.name]: container.network.address },
      volumes: [container.volume.name],
    });
    await redisIsReady();
    await engine.stopContainer(container.name, 20);
    await engine.stopContainer(container.name, 20);
    expect(await found()).toBe('exited');
    expect(await engine.containerExit(container.name)).toMatchObject({ exitCode: 0, outOfMemory: false });
    await engine.removeContainer(container.name);
    await engine.removeContainer(container.name);
    expect(await found()).toBeUndefined();
    expect((await engine.listVolumes()).find(({ name }) => name === container.volume.name)?.labels).toMatchObject(
      container.labels,
    );
    await engine.removeVolume(container.volume.name);
    await engine.removeVolume(container.volume.name);
    await engine.removeNetwork(network.name);
    await engine.removeNetwork(network.name);
  });

  test('files go in before the first start, volume included, with owner and mode, and come out again', async () => {
    await engine.createNetwork(network);
    await engine.createContainer(container);
    const owner = { uid: 999, gid: 999 };
    const changedAtMs = Date.UTC(2001, 2, 3);
    await engine.writeFiles(container.name, [
      { path: '/etc/redis/made/', content: '', mode: 0o700, ...owner },
      { path: '/etc/redis/made/file', content: 'text with ünïcode\n', mode: 0o600, ...owner },
      { path: '/data/file', content: 'in the volume', mode: 0o600, changedAtMs, ...owner },
    ]);
    expect(await engine.readFile(container.name, '/etc/redis/made/file')).toBe('text with ünïcode\n');
    expect(await engine.readFile(container.name, '/data/file')).toBe('in the volume');
    expect(await engine.readFile(container.name, '/data/other')).toBeUndefined();
    expect(await engine.readFile('no-such-container', '/data/file')).toBeUndefined();
    expect(await engine.readFolder(container.name, '/etc/redis/made')).toEqual(
      new Map([['/etc/redis/made/file', 'text with ünïcode\n']]),
    );
    expect(await engine.readFolder(container.name, '/etc/redis/missing')).toBeUndefined();
    expect(await engine.statFile(container.name, '/data')).toBeDefined();
    expect(await engine.statFile(container.name, '/nowhere')).toBeUndefined();
    expect(await engine.statFile('no-such-container', '/data')).toBeUndefined();
    expect(await engine.statFile(container.name, '/data/file')).toEqual({ sizeBytes: 13, changedAtMs });
    await engine.removeContainer(container.name);
    await engine.createContainer(container);
    expect(await engine.readFile(container.name, '/data/file')).toBe('in the volume');
  });

  test('logs come in order, and end when nobody follows', async () => {
    await engine.createNetwork(network);
    await engine.createContainer(container);
    await engine.startContainer(container.name);
    await redisIsReady();
    await engine.stopContainer(container.name, 20);
    const text = await allLogs();
    expect(text.indexOf('Redis is starting')).toBeGreaterThan(-1);
    expect(text.indexOf('bye bye')).toBeGreaterThan(text.indexOf('Redis is starting'));
  });
});

describe('failures have codes', () => {
  test('what somebody else made in the meantime', async () => {
    await engine.createNetwork(network);
    expect(await codeOf(engine.createNetwork(network))).toBe('CHANGED_MEANWHILE');
    await engine.createContainer(container);
    expect(await codeOf(engine.createContainer(container))).toBe('CHANGED_MEANWHILE');
    expect(await codeOf(engine.startContainer(`${stack}-nothing`))).toBe('CHANGED_MEANWHILE');
  });

  test('a subnet, a port, an address, an image', async () => {
    await engine.createNetwork(network);
    expect(await codeOf(engine.createNetwork({ ...network, name: `${network.name}-2` }))).toBe('SUBNET_OVERLAP');
    await engine.createContainer(container);
    await engine.startContainer(container.name);
    const twin = { ...container, name: `${container.name}-2` };
    await engine.createContainer(twin);
    expect(await codeOf(engine.startContainer(twin.name))).toBe('ADDRESS_TAKEN');
    const neighbour = {
      ...container,
      name: `${container.name}-3`,
      network: { ...container.network, address: container.network.address.replace(/20$/, '21') },
    };
    await engine.createContainer(neighbour);
    expect(await codeOf(engine.startContainer(neighbour.name))).toBe('PORT_TAKEN');
    expect(await codeOf(engine.createContainer({ ...container, name: `${stack}-4`, image: 'no-such-image:1' }))).toBe(
      'IMAGE_UNAVAILABLE',
    );
  });
});

test('an image that is not there is undefined, and can not be pulled from nowhere', async () => {
  expect(await engine.findImage('no-such-image:1')).toBeUndefined();
  expect(await codeOf(engine.pullImage('127.0.0.1:9/no-such-image:1', () => undefined))).not.toBe('no failure');
});

test('over ssh: the user’s own is called as the docker command line calls it, and what it complains of is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssh-'));
  const bridge = `const s = require('net').connect('${dockerSocket(engine)}'); process.stdin.pipe(s).pipe(process.stdout);`;
  const script = `#!/bin/sh
echo "$@" >> ${folder}/calls
case "$*" in *nobody*) echo 'Host key verification failed.' >&2; exit 255;; esac
exec ${process.execPath} -e "${bridge}"
`;
  writeFileSync(join(folder, 'ssh'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  const warned: string[] = [];
  const onWarning = (warning: Error): unknown => warned.push(String(warning));
  process.on('warning', onWarning);
  const end = new AbortController();
  const over = async (host: string): Promise<Engine> =>
    connectDocker(await locateEngine({ host, env: process.env }), {
      signal: end.signal,
      timeoutMs: 20_000,
    });
  try {
    await engine.createNetwork(network);
    await engine.createContainer(container);
    await engine.startContainer(container.name);
    const far = await over('ssh://me@[fd00::7]:2222');
    expect(await far.version()).toEqual(await engine.version());
    expect(await far.readCommand(container.name, ['echo', 'from inside'])).toBe('from inside\n');
    // One after the other they share a connection. A log that is followed keeps one, and nobody from the others.
    const logins = (): number => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length;
    const before = logins();
    for (let count = 0; count < 10; count += 1) await far.listVolumes();
    expect(logins() - before).toBeLessThan(3);
    const followed = Array.from({ length: 5 }, () =>
      far.logs(container.name, { follow: true, tail: 0, timestamps: false }),
    );
    for (const lines of followed)
      void lines[Symbol.asyncIterator]()
        .next()
        .catch(() => undefined);
    for (let count = 0; count < 10; count += 1) await far.listVolumes();
    await expect((await over('ssh://nobody')).version()).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('(ssh: Host key verification failed.)') as string,
    });
    const tail = 'docker system dial-stdio';
    expect([...new Set(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'))]).toEqual([
      `-T -o ConnectTimeout=30 -l me -p 2222 -- fd00::7 ${tail}`,
      `-T -o ConnectTimeout=30 -- nobody ${tail}`,
    ]);
    expect(warned).toEqual([]);
  } finally {
    end.abort();
    process.off('warning', onWarning);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});

test('a wait ends with its bound or with the interruption', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mute-'));
  const mute = createServer(() => undefined).listen(join(folder, 'engine.sock'));
  try {
    const settings = await locateEngine({ host: `unix://${join(folder, 'engine.sock')}`, env: process.env });
    const interrupted = new AbortController();
    const bounded = await connectDocker(settings, { signal: interrupted.signal, timeoutMs: 50 });
    expect(await codeOf(bounded.listContainers())).toBe('WAIT_TIMEOUT');
    interrupted.abort(new StackError('INTERRUPTED', { message: 'stopped' }));
    expect(await codeOf(bounded.listContainers())).toBe('INTERRUPTED');
  } finally {
    mute.close();
    rmSync(folder, { recursive: true, maxRetries: 5 });
  }
});
