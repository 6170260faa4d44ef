/** More nodes and fewer: an edit of the YAML file and `up`, or one command that does both. No key is lost on the way. */
import { readFileSync } from 'node:fs';
import type { Cluster } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { runKilledAfter } from '../helpers/killed.ts';
import { freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';
import { isThorough } from '../helpers/reliability-record.ts';

let stack: TestStack;
let client: Cluster | undefined;
afterEach(async () => {
  client?.disconnect();
  client = undefined;
  await stack.remove();
});

const KEYS = 2000;

interface Nodes {
  readonly nodes: readonly { name: string; role: string; slots: readonly { start: number; end: number }[] }[];
}

/** `redis-1 primary 4096` of each node. */
async function shape(): Promise<string[]> {
  const { nodes } = JSON.parse((await stack.must('cluster', 'nodes', '--json')).stdout) as Nodes;
  return nodes.map(
    ({ name, role, slots }) => `${name} ${role} ${slots.reduce((sum, { start, end }) => sum + end - start + 1, 0)}`,
  );
}

const THREE = ['redis-1 primary 5461', 'redis-2 primary 5462', 'redis-3 primary 5461'];
const FOUR = [1, 2, 3, 4].map((node) => `redis-${node} primary 4096`);

test('from three nodes to four and back: slots, keys, expiry times and functions come along', async () => {
  stack = await makeStack();
  await stack.must('up');
  client = await connectCluster(stack);
  await fill(client, KEYS);
  await client.set('session', 'expires', 'EX', 3600);
  const endsAt = await client.expiretime('session');
  const library = "#!lua name=shop\nredis.register_function('total', function() return 42 end)";
  await stack.must('cluster', 'call', 'FUNCTION', 'LOAD', library);
  const yaml = readFileSync(stack.file, 'utf8');

  const [plain, tls, bus] = (await freePorts(3)).map(String);
  const ports = ['--port', plain ?? '', '--tls-port', tls ?? '', '--bus-port', bus ?? ''];
  await stack.must('cluster', 'add-node', 'redis-4', ...ports);
  expect(await shape()).toEqual(FOUR);
  expect(await findMissing(client, KEYS)).toEqual([]);
  expect(await stack.redis(4, 'FUNCTION', 'LIST')).toContain('shop');
  // As after a run that was interrupted.
  expect((await stack.must('cluster', 'add-node', 'redis-4', ...ports)).stdout).toContain('nothing to do');
  expect((await stack.must('cluster', 'check')).stdout).toContain('✓');

  await stack.must('cluster', 'remove-node', 'redis-4');
  expect((await shape()).map((node) => node.replace(/546[12]/, '5461'))).toEqual(
    THREE.map((node) => node.replace('5462', '5461')),
  );
  expect(await findMissing(client, KEYS)).toEqual([]);
  expect(await client.expiretime('session')).toBe(endsAt);
  expect(readFileSync(stack.file, 'utf8')).toBe(yaml);
  const names = (await stack.engine.listContainers()).map(({ name }) => name);
  expect(names).not.toContain(stack.container(4));
  expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  // As after a run that was killed when it had written the file.
  expect((await stack.must('cluster', 'remove-node', 'redis-4')).stdout).toContain('nothing to do');
  // Nobody remembers it.
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_known_nodes:3');

  // Its volume is still there, with the identity of a node that left: it begins anew.
  await stack.must('cluster', 'add-node', 'redis-4', ...ports);
  expect(await shape()).toEqual(FOUR);
  expect(await findMissing(client, KEYS)).toEqual([]);
});

test('what is no cluster any more is refused, and the file stays as it is', async () => {
  stack = await makeStack();
  await stack.must('up');
  const yaml = readFileSync(stack.file, 'utf8');
  const cases: readonly (readonly [string, ...string[]])[] = [
    ['there is a node', 'add-node', 'redis-1', '--port', '1'],
    ['is no port', 'add-node', 'redis-4', '--port', 'x'],
    ['is outside the subnet', 'add-node', 'redis-4', '--ip', '192.168.77.1'],
    ['at least 3 primaries', 'remove-node', 'redis-3'],
    ["there is no node 'redis-9'", 'remove-node', 'redis-9'],
  ];
  for (const [message, ...argv] of cases) {
    const { exitCode, stderr } = await stack.run('cluster', ...argv);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  }
  expect(readFileSync(stack.file, 'utf8')).toBe(yaml);
  expect(await shape()).toEqual(THREE);
});

test('six nodes change between 3 + 3 and six primaries with nothing but replicas in the YAML file, and to three', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  client = await connectCluster(stack);
  await fill(client, KEYS);
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0'));
  await stack.must('up');
  expect((await shape()).filter((node) => / primary 27(30|31)$/.test(node))).toHaveLength(6);
  expect(await findMissing(client, KEYS)).toEqual([]);

  stack.edit((yaml) => yaml.replace('replicas: 0', 'replicas: 1'));
  expect((await stack.must('plan')).stdout).toContain('~ move slots redis-4 → ');
  await stack.must('up');
  expect((await shape()).map((node) => node.replace(/546[12]/, '5461'))).toEqual([
    ...[1, 2, 3].map((node) => `redis-${node} primary 5461`),
    ...[4, 5, 6].map((node) => `redis-${node} replica 0`),
  ]);
  expect(await findMissing(client, KEYS)).toEqual([]);
  expect((await stack.must('up')).stdout).toContain('nothing to do');

  // Replicas become primaries, whose files are of the copies that they had: what is deleted now stays deleted.
  await stack.must('cluster', 'failover', 'redis-5');
  await stack.must('cluster', 'failover', 'redis-6');
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0').replaceAll(/ {4}redis-[456]: .*\n/g, ''));
  await stack.must('up');
  expect((await shape()).map((one) => one.replace(/546[12]/, '5461'))).toEqual(
    [1, 2, 3].map((one) => `redis-${one} primary 5461`),
  );
  expect(await findMissing(client, KEYS)).toEqual([]);
  const deleted = Array.from({ length: 50 }, (_, index) => `filler:${index}`);
  for (const key of deleted) await client.del(key);
  await stack.must('restart');
  expect((await findMissing(client, KEYS)).toSorted()).toEqual(deleted.toSorted());
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('a run that is killed while slots move to or from a node is finished by the next one, up to the last slot', async () => {
  stack = await makeStack({ nodeCount: 4 });
  const line = / {4}redis-4: .*\n/;
  let node = '';
  const leave = (yaml: string): string => {
    node = line.exec(yaml)?.[0] ?? node;
    return yaml.replace(line, '');
  };
  stack.edit(leave);
  await stack.must('up');
  client = await connectCluster(stack);
  await fill(client, KEYS);
  let kills = 0;
  for (const change of isThorough ? [8, 14, 20, 30, 42, 60] : [14, 30, 42]) {
    stack.edit((yaml) => (line.test(yaml) ? leave(yaml) : yaml + node));
    if ((await runKilledAfter(stack, 'up', change)) === 'SIGKILL') kills += 1;
    await stack.must('up');
    const expected = line.test(readFileSync(stack.file, 'utf8')) ? 4 : 3;
    const found = await shape();
    expect(found).toHaveLength(expected);
    for (const one of found) expect(one).toMatch(expected === 4 ? / primary 4096$/ : / primary 546[12]$/);
    expect(await findMissing(client, KEYS)).toEqual([]);
  }
  expect(kills).toBeGreaterThanOrEqual(isThorough ? 4 : 2);
});
