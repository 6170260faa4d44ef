/** Keys that leave a cluster, and come into another one. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { divideSlots } from '../../src/cluster/slots/slots.ts';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { helperName } from '../../src/plan/engine/restore-helper.ts';
import { openWriter } from '../../src/redis/keys/write-keys.ts';
import { parseManifest, type Manifest } from '../../src/stack/commands/data/backup-manifest.ts';
import { restoreBackup } from '../../src/stack/commands/data/restore.ts';
import { linkNodes } from '../../src/stack/connect/with-nodes.ts';
import { at } from '../helpers/builders.ts';
import { clientsOf, passwordOf, readAllKeys, type KeyValue } from '../helpers/key-values.ts';
import { dockerOf, freePorts, makeStack, ownerLabels, type TestStack } from '../helpers/test-stack.ts';

let source: TestStack;
let target: TestStack;
let sourceNodes: Redis[];
let targetNodes: Redis[];
let folder: string;

/** The larger one: a value of 50 MB passes through. */
const roomy = (yaml: string): string =>
  yaml.replace('memory: 128mb', 'memory: 768mb').replace('maxmemory: 64mb', 'maxmemory: 256mb');

beforeAll(async () => {
  [source, target] = await Promise.all([makeStack({ nodeCount: 3 }), makeStack({ nodeCount: 4 })]);
  target.edit(roomy);
  await Promise.all([source.must('up'), target.must('up')]);
  sourceNodes = clientsOf(source);
  targetNodes = clientsOf(target);
  folder = join(source.folder, 'backup');
  await fill(sourceNodes, divideSlots(3));
});
afterAll(async () => {
  for (const client of [...sourceNodes, ...targetNodes]) client.disconnect();
  await Promise.all([source.remove(), target.remove()]);
});

/** Every type of value, small and large in Redis's own eyes, and keys of any bytes. */
function commandsToFill(): [Buffer, string, ...(string | Buffer | number)[]][] {
  const key = (name: string): Buffer => Buffer.from(name);
  const members = (count: number): string[] => Array.from({ length: count }, (_, index) => `member-${index}`);
  const pairs = members(300).flatMap((name, index) => [name, `${index}`]);
  const strings = Array.from(
    { length: 2500 },
    (_, index) => [key(`string:${index}`), 'SET', `value ${index}`] as const,
  );
  const bytes = Array.from(
    { length: 300 },
    (_, index) =>
      [
        Buffer.concat([randomBytes(1 + (index % 40)), Buffer.from([0, 10, 13, index % 256, index >> 8])]),
        'SET',
        randomBytes(index * 3),
      ] as const,
  );
  const timed = Array.from(
    { length: 100 },
    (_, index) => [key(`timed:${index}`), 'SET', 'x', 'PX', 6_000_000 + index * 1000] as const,
  );
  return [
    ...strings.map((one): [Buffer, string, string] => [...one]),
    ...bytes.map((one): [Buffer, string, Buffer] => [...one]),
    ...timed.map((one): [Buffer, string, string, string, number] => [...one]),
    [key('{h}:small'), 'HSET', 'field', 'value'],
    [key('{h}:large'), 'HSET', ...pairs],
    [key('list:small'), 'RPUSH', 'a', 'b', randomBytes(9)],
    [key('list:large'), 'RPUSH', ...members(2000)],
    [key('set:numbers'), 'SADD', 1, 2, 3],
    [key('set:large'), 'SADD', ...members(1000)],
    [key('zset:small'), 'ZADD', 1.5, 'one', -3, 'two'],
    [key('zset:large'), 'ZADD', ...members(500).flatMap((name, index) => [index / 7, name])],
    [key('stream'), 'XADD', '1-1', 'field', 'value'],
    [key('stream'), 'XADD', '2-1', 'field', randomBytes(50)],
    [key('stream'), 'XGROUP', 'CREATE'],
    [key('empty'), 'SET', ''],
  ];
}

async function fill(nodes: readonly Redis[], ranges: readonly { start: number; end: number }[]): Promise<void> {
  const sent = commandsToFill().map(([key, command, ...args]) => {
    const node = nodes[ranges.findIndex(({ start, end }) => start <= keySlot(key) && keySlot(key) <= end)];
    if (command === 'XGROUP') return node?.call('XGROUP', 'CREATE', key, 'group', '1-1');
    return node?.call(command, key, ...args);
  });
  await Promise.all([...sent, ...nodes.map((node) => node.call('FUNCTION', 'LOAD', LIBRARY))]);
}

const LIBRARY = `#!lua name=greetings
redis.register_function('greet', function(keys, args) return 'hello ' .. args[1] end)`;

/** @param withinMs how far the times may be apart at which keys expire */
function expectSame(found: ReadonlyMap<string, KeyValue>, wanted: ReadonlyMap<string, KeyValue>, withinMs = 0): void {
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  const differing = [...wanted].filter(([key, { value, expiresAtMs }]) => {
    const other = found.get(key);
    return other?.value !== value || Math.abs(other.expiresAtMs - expiresAtMs) > withinMs;
  });
  expect(differing).toEqual([]);
}

async function countKeys(nodes: readonly Redis[]): Promise<number> {
  return (await Promise.all(nodes.map((node) => node.dbsize()))).reduce((sum, count) => sum + count, 0);
}

async function emptyTarget(): Promise<void> {
  await Promise.all(targetNodes.map((node) => node.flushall()));
}

describe('backup', () => {
  test('a file of each primary, and a manifest that names every slot', async () => {
    const keyCount = await countKeys(sourceNodes);
    const { stdout } = await source.must('cluster', 'backup', folder);
    expect(stdout).toMatch(
      new RegExp(`^✓ 3 primaries, ${keyCount.toLocaleString('en-US')} keys, [\\d.]+ KiB in ${folder}, in [\\d.]+m?s`),
    );
    expect(readdirSync(folder).toSorted()).toEqual(['backup.json', 'redis-1.rdb', 'redis-2.rdb', 'redis-3.rdb']);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const manifest = manifestOf(folder);
    expect(manifest).toMatchObject({
      version: 1,
      stack: source.name,
      redisVersion: expect.stringMatching(/^\d+\.\d+/),
    });
    expect(manifest.nodes.map(({ slots }) => slots)).toEqual([['0-5460'], ['5461-10922'], ['10923-16383']]);
    expect(manifest.nodes.reduce((sum, { keys }) => sum + keys, 0)).toBe(keyCount);
    for (const { file, bytes, sha256, id } of manifest.nodes) {
      const content = readFileSync(join(folder, file));
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
      expect(content).toHaveLength(bytes);
      expect(content.subarray(0, 5).toString()).toBe('REDIS');
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
      expect(content.includes(passwordOf(source))).toBe(false);
      expect(id).toMatch(/^[0-9a-f]{40}$/);
    }
  });

  test('a folder that is not empty is refused, and left as it is', async () => {
    const before = readdirSync(folder);
    const { exitCode, stderr } = await source.run('cluster', 'backup', folder);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not empty');
    expect(readdirSync(folder)).toEqual(before);
  });

  test('with a slot on the move there is none, and no folder', async () => {
    const [first, second] = sourceNodes;
    await first?.call('CLUSTER', 'SETSLOT', 7, 'MIGRATING', String(await second?.call('CLUSTER', 'MYID')));
    const other = join(source.folder, 'other');
    const { exitCode, stderr } = await source.run('cluster', 'backup', other);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('redis-1: slot 7 is migrating');
    expect(existsSync(other)).toBe(false);
    await first?.call('CLUSTER', 'SETSLOT', 7, 'STABLE');
  });

  test('one that is being saved already is waited for: the backup is of now', async () => {
    const [first] = sourceNodes;
    await Promise.all(sourceNodes.map((node) => node.call('BGREWRITEAOF')));
    await first?.call('SET', keyOf(0, 'late'), 'written just before');
    const other = join(source.folder, 'in-turn');
    const { nodes } = JSON.parse((await source.must('cluster', 'backup', other, '--json')).stdout) as Manifest;
    expect(nodes.reduce((sum, { keys }) => sum + keys, 0)).toBe(await countKeys(sourceNodes));
    await first?.call('DEL', keyOf(0, 'late'));
  });
});

/** A key of a slot near the beginning of what node `index` of four or of three owns. */
function keyOf(index: number, name: string): string {
  const range = divideSlots(4)[index];
  for (let attempt = 0; ; attempt += 1) {
    const key = `${name}:${attempt}`;
    const slot = keySlot(Buffer.from(key));
    if (range !== undefined && range.start <= slot && slot <= range.end) return key;
  }
}

function manifestOf(place: string): Manifest {
  const parsed = parseManifest(readFileSync(join(place, 'backup.json'), 'utf8'));
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.manifest;
}

describe('restore', () => {
  test.each([
    [
      'a byte is another',
      (copy: string) => flipByte(join(copy, 'redis-2.rdb')),
      /redis-2\.rdb: its SHA-256 is another/,
    ],
    [
      'a file is shorter',
      (copy: string) => cutShort(join(copy, 'redis-3.rdb')),
      /redis-3\.rdb: it has \d+ bytes instead/,
    ],
    ['a file is missing', (copy: string) => rmSync(join(copy, 'redis-1.rdb')), /redis-1\.rdb: ENOENT/],
    ['it was never finished', (copy: string) => rmSync(join(copy, 'backup.json')), /never finished/],
  ])('is refused before anything is changed where %s', async (_what, damage, reason) => {
    const copy = join(source.folder, 'damaged');
    cpSync(folder, copy, { recursive: true });
    damage(copy);
    const { exitCode, stderr } = await target.run('cluster', 'restore', copy);
    rmSync(copy, { recursive: true });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(reason);
    expect(await countKeys(targetNodes)).toBe(0);
  });

  test('a file that Redis cannot read ends it, and no key was copied', async () => {
    const copy = join(source.folder, 'newer');
    cpSync(folder, copy, { recursive: true });
    const manifest = manifestOf(copy);
    const nodes = manifest.nodes.map((node) => {
      const content = readFileSync(join(copy, node.file));
      content.write('REDIS0099');
      writeFileSync(join(copy, node.file), content);
      return { ...node, sha256: createHash('sha256').update(content).digest('hex') };
    });
    writeFileSync(join(copy, 'backup.json'), JSON.stringify({ ...manifest, nodes }));
    const { exitCode, stderr } = await target.run('cluster', 'restore', copy);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Redis could not read redis-1.rdb');
    expect(stderr).toContain("Can't handle RDB format version 99");
    expect(await countKeys(targetNodes)).toBe(0);
    expect(await findHelpers()).toEqual([]);
  });

  test('a file that the engine took, and that is not where Redis reads it, is no empty backup', async () => {
    const session = await target.session();
    const engine = { ...session.engine, putFile: () => Promise.resolve() };
    const restored = restoreBackup({ ...session, engine }, folder, { replace: false });
    await expect(restored).rejects.toThrow(/redis-1\.rdb holds keys, and none of them reached/);
    expect(await findHelpers()).toEqual([]);
  });

  test('killed half-way: `up` takes its helper away, and with --replace it ends as if it had not been', async () => {
    const tsx = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
    const args = [tsx, 'manage.ts', 'cluster', 'restore', folder, '-f', target.file];
    const child = spawn(process.execPath, args, { env: target.env, stdio: 'ignore', detached: true });
    const ended = once(child, 'exit');
    await expect.poll(() => countKeys(targetNodes), { timeout: 120_000, interval: 5 }).toBeGreaterThan(0);
    // From here on it waits for a node that takes no writes, wherever it is.
    const blocked = at(targetNodes, 3);
    await blocked.call('CLIENT', 'PAUSE', 300_000, 'WRITE');
    await expect.poll(() => blocked.info('clients'), { timeout: 120_000 }).toContain('blocked_clients:1');
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    await blocked.call('CLIENT', 'UNPAUSE');
    expect(await findHelpers()).toEqual([helperName(target.name)]);
    const { volumes } = at(
      (await target.engine.listContainers()).filter(({ name }) => name === helperName(target.name)),
      0,
    );
    expect(volumes).toHaveLength(1);

    await target.must('up');
    expect(await findHelpers()).toEqual([]);
    expect((await target.engine.listVolumes()).filter(({ name }) => volumes.includes(name))).toEqual([]);

    const refused = await target.run('cluster', 'restore', folder);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('holds keys already; nothing was changed');
    await target.must('cluster', 'restore', folder, '--replace');
    expectSame(await readAllKeys(targetNodes), await readAllKeys(sourceNodes));
  });

  test('into a cluster of another size: every key, type, byte and time to live, and the functions', async () => {
    await emptyTarget();
    await Promise.all(targetNodes.map((node) => node.call('FUNCTION', 'FLUSH')));
    const keyCount = await countKeys(sourceNodes);
    const { stdout } = await target.must('cluster', 'restore', folder);
    expect(stdout).toMatch(
      new RegExp(
        `^✓ ${keyCount.toLocaleString('en-US')} keys of ${folder}, taken at .*, 1 function library, in [\\d.]+m?s`,
      ),
    );
    expectSame(await readAllKeys(targetNodes), await readAllKeys(sourceNodes));
    for (const node of targetNodes) expect(await node.call('FCALL', 'greet', 0, 'you')).toBe('hello you');
    expect(await findHelpers()).toEqual([]);
    expect((await target.must('plan')).stdout).toContain('othing to do');
  });
});

function flipByte(file: string): void {
  const content = readFileSync(file);
  content[200] = (content[200] ?? 0) ^ 1;
  writeFileSync(file, content);
}

function cutShort(file: string): void {
  writeFileSync(file, readFileSync(file).subarray(0, -1));
}

async function findHelpers(): Promise<string[]> {
  const containers = await target.engine.listContainers();
  return containers.filter(({ name }) => name === helperName(target.name)).map(({ name }) => name);
}

describe('import', () => {
  const password = `p@ss/${randomBytes(8).toString('hex')}`;
  let standalone: Redis;
  let port: number;
  let uri: string;
  let withPassword: string[];

  beforeAll(async () => {
    await emptyTarget();
    [port = 0] = await freePorts(1);
    uri = `redis://127.0.0.1:${port}/3`;
    const docker = dockerOf(target.engine);
    const container = await docker.createContainer({
      name: `${target.name}-standalone`,
      Image: LOCAL_IMAGE,
      Cmd: ['redis-server', '--save', '', '--requirepass', password, '--enable-debug-command', 'yes'],
      Labels: { [LABELS.stack]: `${target.name}-other`, ...(await ownerLabels()) },
      HostConfig: { PortBindings: { '6379/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } },
      ExposedPorts: { '6379/tcp': {} },
    });
    await container.start();
    const file = join(target.folder, 'source-password');
    writeFileSync(file, `${password}\n`, { mode: 0o600 });
    withPassword = ['--password-file', file];
    standalone = new Redis({
      port,
      password,
      db: 3,
      protocol: 2,
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
    });
    standalone.on('error', () => undefined);
    await standalone.call('SET', 'only:source', 'value');
    await standalone.call('SELECT', 0);
    await standalone.call('SET', 'other:database', 'value');
    await standalone.call('SELECT', 3);
    await fill([standalone], [{ start: 0, end: 16_383 }]);
  });
  afterAll(async () => {
    standalone.disconnect();
    await dockerOf(target.engine).getContainer(`${target.name}-standalone`).remove({ force: true, v: true });
  });

  test('without its password, or with no Redis there, nothing is changed', async () => {
    const locked = await target.run('cluster', 'import', '--from', uri);
    expect(locked).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('REDIS_IMPORT_PASSWORD') as string });
    const wrong = await target.run(
      'cluster',
      'import',
      '--from',
      `redis://:not-${randomBytes(4).toString('hex')}@127.0.0.1:${port}`,
    );
    expect(wrong.stderr).toContain('[AUTH_FAILED]');
    expect(wrong.stderr).not.toContain('not-');
    const [nobody = 0] = await freePorts(1);
    const absent = await target.run('cluster', 'import', '--from', `redis://127.0.0.1:${nobody}`);
    expect(absent).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ECONNREFUSED') as string });
    const tooHigh = await target.run('cluster', 'import', '--from', `redis://127.0.0.1:${port}/99`, ...withPassword);
    expect(tooHigh.stderr).toContain('DB index is out of range');
    expect(await countKeys(targetNodes)).toBe(0);
  });

  test('every key of the database that is named, byte for byte; the source stays as it was', async () => {
    const before = await readAllKeys([standalone]);
    const { stdout, stderr } = await target.must('cluster', 'import', '--from', uri, ...withPassword);
    expect(stdout).toMatch(/^✓ 2,911 keys of 127\.0\.0\.1:\d+\/3 copied into t-\w+, in [\d.]+m?s/);
    expect(stdout + stderr).not.toContain(password);
    // What the source says of a key's time is as old as its answer.
    expectSame(await readAllKeys(targetNodes), before, 10_000);
    expectSame(await readAllKeys([standalone]), before);
  });

  test('keys that the cluster has are kept and listed; with --replace they are overwritten', async () => {
    const key = keyOf(1, 'string');
    const owner = targetNodes[1];
    await emptyTarget();
    await standalone.call('SET', key, 'from the source');
    await owner?.call('SET', key, 'of the cluster');
    const kept = await target.run('cluster', 'import', '--from', uri, ...withPassword);
    expect(kept.exitCode).toBe(1);
    expect(kept.stdout).toContain(`1 key was in the cluster already, and left as found:\n    ${key}\n`);
    expect(await owner?.call('GET', key)).toBe('of the cluster');
    const env = { REDIS_IMPORT_PASSWORD: password };
    Object.assign(target.env, env);
    const replaced = await target.must('cluster', 'import', '--from', uri, '--replace', '--json');
    delete target.env['REDIS_IMPORT_PASSWORD'];
    expect(JSON.parse(replaced.stdout)).toMatchObject({ existing: { count: 0, first: [] }, vanished: 0 });
    expect(await owner?.call('GET', key)).toBe('from the source');
  });

  test('a list of 50 MB', async () => {
    await standalone.flushdb();
    const chunk = randomBytes(1024 ** 2);
    for (let count = 0; count < 50; count += 1) await standalone.call('RPUSH', 'large', chunk);
    await standalone.call('SET', 'small', 'value');
    await target.must('cluster', 'import', '--from', uri, '--replace', ...withPassword);
    const owner = targetNodes[divideSlots(4).findIndex(({ end }) => keySlot(Buffer.from('large')) <= end)];
    expect(await owner?.call('LLEN', 'large')).toBe(50);
    expect(chunk.equals((await owner?.callBuffer('LINDEX', 'large', 49)) as Buffer)).toBe(true);
    await standalone.flushdb();
  });

  test.each(['allkeys-lru', 'noeviction'])(
    'a cluster without room is not filled over the brim (%s)',
    async (policy) => {
      await emptyTarget();
      const wasMemory = await Promise.all(targetNodes.map((node) => node.call('CONFIG', 'GET', 'maxmemory*')));
      await standalone.call('DEBUG', 'POPULATE', 20_000, 'filler', 1000);
      for (const node of targetNodes) {
        await node.call('CONFIG', 'SET', 'maxmemory', '5mb', 'maxmemory-policy', policy);
      }
      const { exitCode, stderr } = await target.run('cluster', 'import', '--from', uri, ...withPassword);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('[DATA_AT_RISK]');
      await Promise.all(targetNodes.map((node, index) => node.call('CONFIG', 'SET', ...pairsOf(wasMemory[index]))));
      await standalone.flushdb();
    },
  );

  test('a node of a cluster gives its own keys, and one of this very cluster is refused', async () => {
    await emptyTarget();
    const file = join(source.folder, 'state/redis-cluster-as-code', source.name, 'password');
    const from = (stack: TestStack): string => `redis://127.0.0.1:${stack.ports[0] ?? 0}`;
    const { stdout } = await target.must('cluster', 'import', '--from', from(source), '--password-file', file);
    expect(stdout).toContain('is a node of a cluster: only its own keys were copied');
    expect(await countKeys(targetNodes)).toBe(await sourceNodes[0]?.dbsize());
    const own = join(target.folder, 'state/redis-cluster-as-code', target.name, 'password');
    const itself = await target.run('cluster', 'import', '--from', from(target), '--password-file', own);
    expect(itself.exitCode).toBe(2);
    expect(itself.stderr).toContain('is redis-1 of this very cluster');
  });
});

function pairsOf(reply: unknown): string[] {
  const pairs = reply as string[];
  return pairs.flatMap((name, index) =>
    index % 2 === 0 && ['maxmemory', 'maxmemory-policy'].includes(name) ? [name, pairs[index + 1] ?? ''] : [],
  );
}

test('where the plain port is closed, no key goes unencrypted: restore, and import over TLS', async () => {
  const closed = await makeStack({ tls: '{ plain: false }' });
  try {
    await closed.must('up');
    const keyCount = await countKeys(sourceNodes);
    const { stdout } = await closed.must('cluster', 'restore', folder, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ copied: keyCount, expired: 0, functionLibraries: 1 });

    await emptyTarget();
    const state = join(closed.folder, 'state/redis-cluster-as-code', closed.name);
    const from = ['--from', `rediss://127.0.0.1:${closed.ports[1] ?? 0}`, '--password-file', join(state, 'password')];
    const untrusted = await target.run('cluster', 'import', ...from);
    expect(untrusted.stderr).toContain('[SOURCE_UNREACHABLE]');
    await target.must('cluster', 'import', ...from, '--ca', join(state, 'tls/ca.crt'));
    expect(await countKeys(targetNodes)).toBe(await sourceNodes[0]?.dbsize());
  } finally {
    await closed.remove();
  }
});

test('a key whose slot moves while it is copied follows it', async () => {
  await emptyTarget();
  const session = await target.session();
  const links = await linkNodes(session);
  const [ids, key] = [await Promise.all(targetNodes.map((node) => node.call('CLUSTER', 'MYID'))), keyOf(0, 'moving')];
  const slot = keySlot(Buffer.from(key));
  const [first, second] = targetNodes;
  await first?.set(key, 'value');
  const payload = (await first?.callBuffer('DUMP', key)) as Buffer;
  await first?.del(key);

  const writer = await openWriter(links, { replace: false, signal: session.signal, timeoutMs: 20_000 });
  await second?.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[0]));
  await first?.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[1]));
  const written = writer.write([{ key: Buffer.from(key), payload, expiry: undefined }]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const node of [second, first, ...targetNodes])
    await node?.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[1]));
  expect(await written).toEqual([]);
  expect(await second?.get(key)).toBe('value');

  for (const link of links) link.close();
  await second?.del(key);
  for (const node of [first, second, ...targetNodes])
    await node?.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[0]));
});
