/** `access: proxy`: a process of the host that comes and goes with the stack, and outlives all that happens to its nodes. */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server } from 'node:net';
import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import type { Container } from '../../src/plan/model/resources.ts';
import { readTrust } from '../../src/stack/connect/trust.ts';
import { serveDetached } from '../../src/stack/commands/proxy.ts';
import type { ProxyInfo } from '../../src/plan/model/observed.ts';
import { askProxy } from '../../src/proxy/opening.ts';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { findAllOf } from '../helpers/leftovers.ts';
import { startProgram } from '../helpers/program.ts';
import { dockerOf, freePortsInARow, makeStack, runMain, type TestStack } from '../helpers/test-stack.ts';

const KEYS = 1000;
const CALM = { timeout: 60_000, interval: 50 };

let stack: TestStack;
const clients: Cluster[] = [];
beforeAll(async () => {
  stack = await makeStack({ nodeCount: 4 });
  // The fourth is added later.
  stack.edit((yaml) => `access: proxy\n${yaml.replace(/ {4}redis-4: .*\n/, '')}`);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(() => stack.remove());

const entrance = (node: number): number => stack.ports[(node - 1) * 2] ?? 0;
const ask = (port = entrance(1)): ReturnType<typeof askProxy> =>
  askProxy({ host: '127.0.0.1', port }, { timeoutMs: 5000 });
async function infoOf(port = entrance(1)): Promise<ProxyInfo> {
  const answer = await ask(port);
  if (typeof answer === 'string') throw new Error(`${port}: ${answer}`);
  return answer as unknown as ProxyInfo;
}
/** Told nothing but one address of the host. */
async function connect(port: 'plain' | 'tls' = 'plain'): Promise<Cluster> {
  const client = await connectCluster(stack, port);
  clients.push(client);
  return client;
}

test('a port that somebody else holds is told before anything is made, with who holds it', async () => {
  const server: Server = createServer((socket) => socket.resume().end('-ERR not a node\r\n')).listen(
    entrance(2),
    '127.0.0.1',
  );
  await once(server, 'listening');
  const { exitCode, stderr } = await stack.run('up');
  await new Promise((resolve) => server.close(resolve));
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    `host port 127.0.0.1:${entrance(2)}, which the proxy is to have, is held by node (process ${process.pid}) [PORT_TAKEN]`,
  );
  expect((await findAllOf(stack)).filter((one) => !one.startsWith('file'))).toEqual([]);
});

test('up starts it, and any client comes in at the ports of the YAML file', async () => {
  const { stderr } = await stack.must('up');
  expect(stderr).toMatch(/✓ start proxy at 127\.0\.0\.1:\S+ {2}\(it does not run\)/);
  const { stdout } = await stack.must('env');
  expect(stdout).toContain(`127.0.0.1:${entrance(1)}`);
  expect(stdout).not.toContain('NAT_MAP');
  await fill(await connect(), KEYS);
  expect(await findMissing(await connect('tls'), KEYS)).toEqual([]);

  const { pid } = await infoOf();
  const again = JSON.parse((await stack.must('up', '--json')).stdout) as { changes: number; proxy: { pid: number } };
  expect(again).toMatchObject({ changes: 0, proxy: { pid, version: '0.1.0' } });
  expect((await stack.must('status')).stdout).toMatch(
    new RegExp(`^Proxy 127\\.0\\.0\\.1:\\S+, process ${pid}, \\d+ conn`, 'm'),
  );
  expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  const foreground = await stack.must('proxy');
  expect(foreground.stdout).toContain(`runs already`);
  expect(foreground.stdout).toContain(`process ${pid}`);
});

test('its password is nowhere: neither in its arguments, nor in its environment, nor in its log', async () => {
  const { pid } = await infoOf();
  const env = JSON.parse((await stack.must('env', '--format', 'json', '--reveal')).stdout) as Record<string, string>;
  const places = [
    `/proc/${pid}/cmdline`,
    `/proc/${pid}/environ`,
    `${stack.env['XDG_STATE_HOME']}/redis-cluster-as-code/${stack.name}/proxy.log`,
  ];
  for (const place of places) expect(readFileSync(place, 'latin1')).not.toContain(env['REDIS_PASSWORD'] ?? '?');
});

test('killed, it is missed by status and doctor, and up starts another', async () => {
  const { pid } = await infoOf();
  process.kill(pid, 'SIGKILL');
  await vi.waitUntil(async () => (await ask()) === 'nothing listens', CALM);
  const status = await stack.run('status');
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toContain('the proxy does not run');
  expect(status.stdout).toMatch(/Next: \S+.* up/);
  expect((await stack.run('doctor')).stdout).toMatch(/✗ proxy +the proxy does not run/);
  expect((await stack.must('plan')).stdout).toMatch(/^~ start proxy at .* {2}\(it does not run\)$/m);
  await stack.must('up');
  expect((await infoOf()).pid).not.toBe(pid);
  expect(await findMissing(await connect(), KEYS)).toEqual([]);
});

test('the file of another checkout replaces it, and another authority is believed', async () => {
  const { pid } = await infoOf();
  const other = join(stack.folder, 'other.yaml');
  const turned = readFileSync(stack.file, 'utf8').replace(/( {4}redis-1: .*\n)( {4}redis-2: .*\n)/, '$2$1');
  writeFileSync(other, turned);
  const { stderr } = await runMain(['up', '-f', other], stack.env);
  expect(stderr).toContain(`process ${pid}  (what it serves differs from the YAML file)`);
  await stack.must('up');
  const restarted = await infoOf();
  expect(restarted.file).toBe(stack.file);

  rmSync(join(stack.env['XDG_STATE_HOME'] ?? '', 'redis-cluster-as-code', stack.name, 'tls'), { recursive: true });
  await stack.must('up');
  const tls = await readTrust(await stack.session());
  const seen = (): ReturnType<typeof askProxy> =>
    askProxy({ host: '127.0.0.1', port: stack.ports[1] ?? 0, tls }, { timeoutMs: 5000 });
  await vi.waitUntil(async () => typeof (await seen()) === 'object', CALM);
  expect((await infoOf()).pid).toBe(restarted.pid);
  expect(await findMissing(await connect('tls'), KEYS)).toEqual([]);
});

test('it goes on while a node is killed and comes back', async () => {
  const before = await infoOf();
  const client = await connect();
  await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
  await stack.must('up');
  expect(await findMissing(client, KEYS)).toEqual([]);
  expect((await infoOf()).pid).toBe(before.pid);
});

test('it leads to a node that is added, without losing a connection', async () => {
  const { pid } = await infoOf();
  const client = await connect();
  let losses = 0;
  client.on('-node', () => (losses += 1));
  const { stderr } = await stack.must('cluster', 'add-node', 'redis-4', '--port', String(entrance(4)));
  expect(stderr).toContain(`process ${pid}  (what it serves differs from the YAML file)`);
  expect((await infoOf(entrance(4))).pid).toBe(pid);
  expect(await findMissing(client, KEYS)).toEqual([]);
  expect(losses).toBe(0);
  await stack.must('cluster', 'remove-node', 'redis-4');
  expect(await ask(entrance(4))).toBe('nothing listens');
  expect(await findMissing(client, KEYS)).toEqual([]);
});

test('with access: map the nodes have its ports, and back again; the keys stay', async () => {
  const { pid } = await infoOf();
  stack.edit((yaml) => yaml.replace('access: proxy', 'access: map'));
  const toMap = await stack.must('up');
  expect(toMap.stderr).toContain(`process ${pid}  (access is map)`);
  expect(await ask()).toBe('something else');
  expect(await findMissing(await connect(), KEYS)).toEqual([]);

  const first = await freePortsInARow(8);
  const foreground = startProgram(stack, ['proxy', '--port', String(first), '--json']);
  const listening = vi.waitUntil(async () => typeof (await ask(first)) === 'object', CALM);
  await Promise.race([listening, foreground.ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
  const env = JSON.parse((await stack.must('env', '--format', 'json', '--reveal')).stdout) as Record<string, string>;
  const client = new Cluster([{ host: '127.0.0.1', port: first }], {
    redisOptions: { password: env['REDIS_PASSWORD'] ?? '' },
  });
  clients.push(client);
  expect(await findMissing(client, KEYS)).toEqual([]);
  client.disconnect();
  foreground.child.kill('SIGINT');
  const { exitCode, stdout } = await foreground.ended;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ nodes: [{ name: 'redis-1', plain: `127.0.0.1:${first}` }, {}, {}] });

  stack.edit((yaml) => yaml.replace('access: map', 'access: proxy'));
  expect((await stack.must('plan')).stdout).toMatch(/^~ start proxy at /m);
  await stack.must('up');
  expect((await infoOf()).stack).toBe(stack.name);
  expect(await findMissing(await connect(), KEYS)).toEqual([]);
});

test('down ends it, also where only the name is known', async () => {
  const { pid } = await infoOf();
  const { stderr } = await stack.must('down');
  expect(stderr).toContain(`✓ stop proxy at 127.0.0.1:`);
  for (const node of [1, 2, 3]) expect(await ask(entrance(node))).toBe('nothing listens');
  // It has let go of its ports a moment before it ends.
  await expect.poll(() => isThere(pid), { timeout: 30_000 }).toBe(false);

  await stack.must('up');
  expect((await runMain(['down', '--name', stack.name], stack.env)).exitCode).toBe(0);
  expect(await ask()).toBe('nothing listens');
});

test('it ends by itself when no container names its ports any more, and not while the engine is away', async () => {
  const own = await makeStack({ tls: '{ enabled: false }' });
  try {
    own.edit((yaml) => `access: proxy\n${yaml}`);
    const session = await own.session();
    const labels = { [LABELS.stack]: own.name, [LABELS.entrance]: `127.0.0.1:${own.ports[0]}` };
    let looks = 0;
    let listed: () => Promise<Container[]> = async () => [containerWith(labels)];
    const listContainers = async (): Promise<Container[]> => {
      looks += 1;
      return listed();
    };
    const engine: Engine = Object.assign(Object.create(session.engine) as Engine, { listContainers });
    const ended = serveDetached(async () => ({ ...session, engine }), { signal: NEVER, report: () => undefined }, 20);
    await vi.waitUntil(() => looks > 3, CALM);
    listed = async () => Promise.reject(new Error('away'));
    looks = 0;
    await vi.waitUntil(() => looks > 3, CALM);
    expect((await infoOf(own.ports[0])).stack).toBe(own.name);
    listed = async () => [];
    await ended;
    expect(await ask(own.ports[0])).toBe('nothing listens');
  } finally {
    await own.remove();
  }
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const NEVER = new AbortController().signal;

function containerWith(labels: Container['labels']): Container {
  const nothing = { ports: [], addresses: {}, volumes: [] };
  return { name: 'one', state: 'running', status: '', image: '', imageId: '', labels, ...nothing };
}
