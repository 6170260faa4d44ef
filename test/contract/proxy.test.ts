/** The proxy before a real cluster: clients that know nothing of any map, and may connect to 127.0.0.1 only. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CERTIFICATE_FILE } from '../../src/plan/node/redis-config.ts';
import { askProxy } from '../../src/proxy/opening.ts';
import type { ProxiedNode } from '../../src/proxy/nodes.ts';
import { startProxy, type Proxy } from '../../src/proxy/proxy.ts';
import { tlsOptions, type TlsTrust } from '../../src/redis/connect-node.ts';
import { readTrust } from '../../src/stack/connect/trust.ts';
import { certificateFiles } from '../../src/stack/execute/config-files.ts';
import { inOnePem } from '../../src/tls/kept-pair.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { fill, findMissing } from '../helpers/cluster-client.ts';
import { bulk, command, list } from '../helpers/resp-streams.ts';
import { freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOST = '127.0.0.1';
const KEYS = 300;

let stack: TestStack;
let proxy: Proxy;
let nodes: readonly ProxiedNode[] = [];
let password = '';
let trust: TlsTrust;
const said: string[] = [];
const certificates = vi.fn<(node: ProxiedNode) => Promise<string>>(async ({ name }) => {
  return (await stack.engine.readFile(`${stack.name}-${name}`, CERTIFICATE_FILE)) ?? '';
});
const sockets = new Set<Socket>();

beforeAll(async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1, tls: '{ clientAuth: "yes" }' });
  // Room for 64 MB as a value, on its way, and in buffers.
  stack.edit((yaml) => yaml.replace('memory: 128mb', 'memory: 512mb').replace('maxmemory: 64mb', 'maxmemory: 200mb'));
  await stack.must('up');
  const session = await stack.session();
  trust = await readTrust(session);
  const env = JSON.parse((await stack.must('env', '--format', 'json', '--reveal')).stdout) as Record<string, string>;
  password = env['REDIS_PASSWORD'] ?? '';
  const ports = await freePorts(12);
  nodes = stack.ips.map((ip, index) => {
    const [listen, upstream] = [ports, stack.ports].map((all) => {
      const [plain, tls] = all.slice(index * 2);
      return { host: HOST, plain, tls };
    });
    if (listen === undefined || upstream === undefined) throw new Error('no ports');
    return { name: `redis-${index + 1}`, announced: { ip, plain: 6379, tls: 6380 }, listen, upstream };
  });
  const tls = { trust, clientAuth: 'yes', certificateOf: certificates } as const;
  proxy = await startProxy({ nodes, tls, info: () => ({ stack: stack.name }), report: (text) => said.push(text) });
  refuseOtherHosts();
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await proxy?.close();
  await stack?.remove();
});

/** An address of the network that came through would be followed. */
const foreign: string[] = [];
function refuseOtherHosts(): void {
  // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
  const original = Socket.prototype.connect as (...args: unknown[]) => Socket;
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
    const [first] = args.flat() as [{ host?: string; path?: string } | undefined];
    if (first?.host === undefined || [HOST, 'localhost'].includes(first.host)) return original.apply(this, args);
    foreign.push(first.host);
    return this.destroy(new Error(`${first.host} is not to be reached`));
  });
}

const place = (node: number, kind: 'plain' | 'tls' = 'plain'): { host: string; port: number } => ({
  host: HOST,
  port: nodes[node - 1]?.listen[kind] ?? 0,
});
const direct = (node: number): { host: string; port: number } => ({
  host: HOST,
  port: nodes[node - 1]?.upstream.plain ?? 0,
});

function newCluster(kind: 'plain' | 'tls'): Cluster {
  const client = new Cluster([place(1, kind), place(5, kind)], {
    maxRedirections: 200,
    slotsRefreshTimeout: 5000,
    redisOptions: { password, ...(kind === 'tls' && { tls: tlsOptions(trust) }) },
  });
  client.on('error', () => undefined);
  return client;
}

interface Line {
  readonly socket: Socket;
  /** Sends it, and waits until all that has come ends with `last`. @returns what has come since the last time */
  readonly say: (text: string, last: string | RegExp) => Promise<string>;
}

/** A connection that is logged in. */
async function line(at: { host: string; port: number }): Promise<Line> {
  const socket = connect(at);
  sockets.add(socket);
  socket.setEncoding('latin1');
  let come = '';
  socket.on('data', (text: string) => (come += text));
  socket.on('error', () => undefined);
  const say = async (text: string, last: string | RegExp): Promise<string> => {
    socket.write(text, 'latin1');
    const isThere = (): boolean => (typeof last === 'string' ? come.endsWith(last) : last.test(come));
    await expect.poll(() => isThere() || socket.destroyed, { timeout: 20_000, interval: 10 }).toBe(true);
    if (!isThere()) throw new Error(`the connection was closed after: ${come.slice(0, 500)}`);
    const all = come;
    come = '';
    return all;
  };
  await say(command('AUTH', password), '+OK\r\n');
  return { socket, say };
}

/** What the node itself says, with each address as the proxy's clients get it. */
function outside(text: string): string {
  return nodes.reduce(
    (before, { announced, listen }) => before.replaceAll(`${announced.ip}:6379`, `${HOST}:${listen.plain}`),
    text,
  );
}

const END = command('ECHO', 'the end');
const ENDED = bulk('the end');

/** Says the same to a node itself and through the proxy. */
async function compare(node: number, words: string): Promise<{ itself: string; proxied: string }> {
  const [one, other] = [await line(direct(node)), await line(place(node))];
  return { itself: await one.say(words + END, ENDED), proxied: await other.say(words + END, ENDED) };
}

test('clients without a map, while slots move and a node fails over', async () => {
  const clusters = [newCluster('plain'), newCluster('tls')] as const;
  const modern = createCluster({
    rootNodes: [{ socket: place(3) }],
    RESP: 3,
    defaults: { password },
    maxCommandRedirections: 200,
  });
  modern.on('error', () => undefined);
  await modern.connect();
  try {
    await fill(clusters[0], KEYS);
    const done = new AbortController();
    const rounds = [...clusters, modern].map(async (client, index) => {
      let round = 0;
      for (; !done.signal.aborted || round < 3; round += 1) {
        for (let key = 0; key < 40; key += 1) await client.set(`own:${index}:${key}`, String(round));
      }
      return round;
    });
    await stack.must('cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', '500', '--yes');
    await stack.must('cluster', 'failover', 'redis-6');
    done.abort();
    await Promise.all(rounds);
    expect(await findMissing(clusters[1], KEYS)).toEqual([]);
    expect(foreign).toEqual([]);
    expect(proxy.counters.rewritten).toBeGreaterThan(5);
  } finally {
    for (const client of clusters) client.disconnect();
    modern.destroy();
  }
});

test('redis-cli -c follows', async (context) => {
  const run = promisify(execFile);
  const version = await run('redis-cli', ['--version']).catch(() => undefined);
  if (version === undefined) return context.skip('no redis-cli on this host');
  const env = { ...process.env, REDISCLI_AUTH: password };
  for (const key of ['a', 'b', 'c', 'd']) {
    const { stdout } = await run('redis-cli', ['-c', '-p', String(place(4).port), 'SET', key, '1'], {
      env,
      timeout: 10_000,
    });
    expect(stdout.trim()).toBe('OK');
  }
});

test.each(['2', '3'])('RESP%s: addresses are those of the proxy, all else is byte for byte', async (protocol) => {
  const key = '{own}';
  const owner = await ownerOf(key);
  const before = await line(direct(owner));
  await before.say(command('DEL', `${key}hash`, `${key}set`), /:\d\r\n$/);
  await before.say(command('HSET', `${key}hash`, 'a', '1') + command('ZADD', `${key}set`, '1.5', 'a'), /:1\r\n:1\r\n$/);
  const same = await compare(
    owner,
    [
      command('HELLO', protocol),
      command('SET', key, 'x'.repeat(70_000)),
      command('GET', key),
      command('EVAL', 'return {1, {2.5, "three", {ok = "four"}}, false, redis.error_reply("MY error")}', '0'),
      command('EVAL', 'return redis.call("cluster", "myid")', '0'),
      command('BLPOP', `${key}list`, '0.05'),
      command('HSET', `${key}hash`, 'a', '1') + command('HGETALL', `${key}hash`),
      command('ZADD', `${key}set`, '1.5', 'a') + command('ZRANGE', `${key}set`, '0', '-1', 'WITHSCORES'),
      command('CONFIG', 'GET', 'maxmemory'),
      'PING\r\nset a\r\n"GET" "unbalanced\' \r\n'.slice(0, 13),
    ].join(''),
  );
  // HELLO has the connection's own number.
  const withoutId = (text: string): string => text.replace(/\$2\r\nid\r\n:\d+/, '');
  expect(withoutId(same.proxied)).toBe(withoutId(same.itself));

  const nodesText = command('HELLO', protocol) + command('CLUSTER', 'NODES');
  const table = await compare(owner, nodesText);
  const stable = (text: string): string =>
    withoutId(text)
      .replaceAll(/ \d+ \d+ (?=\d+ connected)/g, ' ')
      .replaceAll(/\$\d+(?=\r\n[0-9a-f]{40} )|=\d+/g, '');
  expect(stable(table.proxied)).toBe(stable(outside(table.itself)));

  const all = command('CLUSTER', 'SLOTS') + command('CLUSTER', 'SHARDS') + command('CLUSTER', 'NODES');
  const { say } = await line(place(owner));
  const text = await say(command('HELLO', protocol) + all + END, ENDED);
  for (const ip of stack.ips) expect(text).not.toContain(ip);
  const queued = await say(command('MULTI') + all + command('GET', key) + command('EXEC') + END, ENDED);
  expect(queued.match(/\+QUEUED/g)).toHaveLength(4);
  for (const ip of stack.ips) expect(queued).not.toContain(ip);
  // A value stays what it is.
  const value = table.itself.slice(table.itself.indexOf('\n') + 1);
  const kept = await say(command('SET', key, value) + command('GET', key) + all + END, ENDED);
  expect(kept).toContain(bulk(value));
});

test('subscriptions, sharded ones, MONITOR, CLIENT REPLY, a blocked client, pipelines of 10,000', async () => {
  const owner = await ownerOf('{s}');
  const [one, other] = [await line(place(owner)), await line(place(owner))];
  const nodesOf = async ({ say }: Line): Promise<void> => {
    const text = await say(command('CLUSTER', 'NODES') + END, ENDED);
    expect(text).toContain(`${HOST}:${place(1).port}@`);
    expect(text).not.toContain(stack.ips[0]);
  };
  const confirmed = (word: string, channel: string, count: number): string =>
    list(bulk(word), bulk(channel), `:${count}\r\n`);
  await one.say(command('SUBSCRIBE', 'news', '{s}') + command('SSUBSCRIBE', '{s}'), confirmed('ssubscribe', '{s}', 1));
  await other.say(command('PUBLISH', 'news', 'hello'), ':1\r\n');
  await other.say(command('SPUBLISH', '{s}', 'hello'), ':1\r\n');
  const last = list(bulk('smessage'), bulk('{s}'), bulk('hello'));
  expect(await one.say('', last)).toBe(list(bulk('message'), bulk('news'), bulk('hello')) + last);
  await one.say(command('UNSUBSCRIBE') + command('SUNSUBSCRIBE'), confirmed('sunsubscribe', '{s}', 0));
  await nodesOf(one);

  await one.say(command('HELLO', '3') + command('CLIENT', 'TRACKING', 'ON') + command('GET', '{s}key'), '_\r\n');
  await other.say(command('SET', '{s}key', '1'), '+OK\r\n');
  expect(await one.say('', /invalidate/)).toBe(`>2\r\n${bulk('invalidate')}${list(bulk('{s}key'))}`);
  await nodesOf(one);

  const silent = command('CLIENT', 'REPLY', 'OFF') + command('SET', '{s}key', '2') + command('CLIENT', 'REPLY', 'ON');
  expect(await one.say(silent + command('CLIENT', 'REPLY', 'SKIP') + command('PING') + END, ENDED)).toBe(
    `+OK\r\n${ENDED}`,
  );
  await nodesOf(one);

  const blocked = one.say(command('BLPOP', '{s}list', '0'), bulk('pushed'));
  await other.say(command('RPUSH', '{s}list', 'pushed'), ':1\r\n');
  expect(await blocked).toBe(list(bulk('{s}list'), bulk('pushed')));

  await other.say(command('MONITOR'), '+OK\r\n');
  await one.say(command('GET', '{s}key'), bulk('2'));
  expect(await other.say('', /"GET" "\{s\}key"\r\n/)).toMatch(/^\+\d+\.\d+ \[0 /);
  await other.say(command('RESET'), '+RESET\r\n');
  await other.say(command('AUTH', password), '+OK\r\n');
  await nodesOf(other);

  const many = Array.from({ length: 10_000 }, (_, index) => command('ECHO', String(index)));
  const echoed = Array.from({ length: 10_000 }, (_, index) => bulk(String(index)));
  expect((await one.say(many.join('') + END, ENDED)) === echoed.join('') + ENDED).toBe(true);
  await nodesOf(one);
});

test('a value of 64 MB, a replica’s stream, garbage', async () => {
  const owner = await ownerOf('{large}');
  const value = Buffer.alloc(64 * 1024 * 1024, 'redis');
  const { say, socket } = await line(place(owner));
  const head = `*3\r\n${bulk('SET')}${bulk('{large}')}$${value.length}\r\n`;
  for (const part of [Buffer.from(head), value]) socket.write(part);
  await say('\r\n', '+OK\r\n');
  const reader = connect(place(owner));
  sockets.add(reader);
  reader.write(command('AUTH', password) + command('GET', '{large}') + command('QUIT'));
  const hash = createHash('sha256');
  for await (const chunk of reader) hash.update(chunk as Buffer);
  const expected = createHash('sha256').update(`+OK\r\n$${value.length}\r\n`).update(value).update('\r\n+OK\r\n');
  expect(hash.digest('hex')).toBe(expected.digest('hex'));
  await say(command('DEL', '{large}'), ':1\r\n');

  const replica = await line(place(owner));
  expect(await replica.say(command('PSYNC', '?', '-1'), /REDIS\d{4}/)).toContain('+FULLRESYNC');
  const rude = await line(place(owner));
  expect(await rude.say('*1\r\n:1\r\n', /\r\n$/)).toBe("-ERR Protocol error: expected '$', got ':'\r\n");
});

test('TLS ends with the node’s own certificate, and clients must show theirs', async () => {
  const shown = async (given: TlsTrust, at = place(2, 'tls')): Promise<Buffer> => {
    const socket = connectTls({ ...at, ...tlsOptions(given) });
    sockets.add(socket);
    socket.write(command('PING'));
    await once(socket, 'data');
    return socket.getPeerCertificate().raw;
  };
  const first = await shown(trust);
  const loads = certificates.mock.calls.length;
  expect(await shown(trust)).toEqual(first);
  expect(certificates.mock.calls.length).toBe(loads);
  await expect(shown({ ...trust, client: undefined })).rejects.toThrow(/ECONNRESET|alert|socket hang up|disconnected/);
  await renewCertificate(2);
  expect(await shown(trust)).not.toEqual(first);
  expect(certificates.mock.calls.length).toBe(loads + 1);
  const info = { stack: stack.name, connections: expect.any(Number) as number };
  expect(await askProxy({ ...place(2, 'tls'), tls: trust }, { timeoutMs: 5000 })).toMatchObject(info);
  expect(await askProxy(place(2, 'tls'), { timeoutMs: 5000 })).toMatchObject(info);
  expect(await askProxy(place(2), { timeoutMs: 5000 })).toMatchObject(info);
  expect(await askProxy(direct(2), { timeoutMs: 5000 })).toBe('something else');
  expect(said).toEqual([]);

  // A node of another authority: nobody gets through to it.
  const folder = join(stack.folder, 'stranger');
  const stranger = await openPrivateAuthority(folder, { stack: 'another', nowMs: Date.now() });
  const [port = 0] = await freePorts(1);
  const tls = {
    trust: { ...trust, caPem: stranger.certificatePem },
    clientAuth: 'no',
    certificateOf: certificates,
  } as const;
  const nodeTwo = nodes
    .filter(({ name }) => name === 'redis-2')
    .map((node) => ({ ...node, listen: { host: HOST, tls: port } }));
  const heard: string[] = [];
  const other = await startProxy({ nodes: nodeTwo, tls, info: () => ({}), report: (text) => heard.push(text) });
  try {
    for (let round = 0; round < 2; round += 1)
      await expect(shown(trust, { host: HOST, port })).rejects.toThrow(/ECONNRESET|alert|socket hang up|disconnected/);
    expect(heard).toEqual([expect.stringContaining('redis-2 shows a certificate that is not to be trusted')]);
  } finally {
    await other.close();
  }
});

async function renewCertificate(node: number): Promise<void> {
  const folder = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'tls');
  const authority = await openPrivateAuthority(folder, { stack: stack.name, nowMs: Date.now() });
  const pair = await authority.issue({
    commonName: stack.container(node),
    names: { dnsNames: ['localhost'], ipAddresses: [stack.ips[node - 1] ?? '', HOST] },
    usage: 'server',
    validityDays: 90,
  });
  const files = certificateFiles({ caPem: authority.certificatePem, pem: inOnePem(pair) });
  await stack.engine.writeFiles(stack.container(node), files);
  await stack.redis(node, 'CONFIG', 'SET', 'tls-cert-file', CERTIFICATE_FILE);
}

test('a node that is killed ends its clients’ connections, and has new ones when it is back', async () => {
  const owner = await ownerOf('{killed}');
  const { socket } = await line(place(owner));
  socket.write(command('BLPOP', '{killed}', '0'));
  const closed = closing(socket);
  await stack.engine.stopContainer(stack.container(owner), 0);
  await closed;
  const refused = connect(place(owner));
  refused.on('error', () => undefined).resume();
  refused.write(command('PING'));
  await closing(refused);
  expect(await askProxy(place(owner), { timeoutMs: 5000 })).toMatchObject({ stack: stack.name });
  await stack.engine.startContainer(stack.container(owner));
  const answers = async (): Promise<string> => (await line(place(owner))).say(command('PING'), '+PONG\r\n');
  await expect.poll(() => answers().catch(String), { timeout: 20_000 }).toBe('+PONG\r\n');
});

const closing = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.once('close', () => resolve()));

/** From 1. */
async function ownerOf(key: string): Promise<number> {
  const { say } = await line(place(1));
  const reply = await say(command('GET', key), /\r\n$/);
  const port = Number(/:(\d+)\r\n$/.exec(reply)?.[1]);
  return reply.startsWith('-MOVED') ? nodes.findIndex(({ listen }) => listen.plain === port) + 1 : 1;
}
