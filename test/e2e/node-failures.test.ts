/** The reference document's "Node Failures": what is dead comes back with one command, whatever is left of it. */
import type { Cluster } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let client: Cluster | undefined;
afterEach(async () => {
  client?.disconnect();
  client = undefined;
  await stack.remove();
});

const KEYS = 600;

interface Options {
  readonly nodeCount?: number;
  readonly replicas?: number;
  readonly nodeTimeoutMs?: number;
}

async function upWithKeys({ nodeTimeoutMs, ...options }: Options = {}): Promise<Cluster> {
  stack = await makeStack({
    ...options,
    redis: nodeTimeoutMs === undefined ? '' : `  nodeTimeoutMs: ${nodeTimeoutMs}\n`,
  });
  await stack.must('up');
  client = await connectCluster(stack);
  await fill(client, KEYS);
  return client;
}

const idOf = (node: number): Promise<string> => stack.redis(node, 'CLUSTER', 'MYID');

/** The container, and with it its volume: as if the disk had died. */
async function wipe(node: number): Promise<void> {
  await stack.engine.removeContainer(stack.container(node));
  await stack.engine.removeVolume(`${stack.container(node)}-data`);
}

describe('with its data, a node comes back as who it was', () => {
  test('killed: check names the node and the command that brings it back', async () => {
    const keys = await upWithKeys();
    const id = await idOf(2);
    await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
    const { exitCode, stdout } = await stack.run('cluster', 'check');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/redis-2 does not answer/);
    expect(stdout).toContain('npx tsx manage.ts up');

    await stack.must('up');
    expect(await idOf(2)).toBe(id);
    expect(await findMissing(keys, KEYS)).toEqual([]);
    expect((await stack.must('cluster', 'check')).stdout).toContain('✓');
  });

  test('its container removed by hand, its volume still there', async () => {
    const keys = await upWithKeys();
    const id = await idOf(2);
    await stack.engine.removeContainer(stack.container(2));
    await stack.must('up');
    expect(await idOf(2)).toBe(id);
    expect(await findMissing(keys, KEYS)).toEqual([]);
  });
});

describe('without its data, another node takes its place', () => {
  test('alone: the others forget it, the new one is given its slots, and every other key is still there', async () => {
    await upWithKeys();
    const id = await idOf(2);
    await wipe(2);
    const { stderr } = await stack.must('up');
    expect(stderr).toContain('slots 5461-10922');
    expect(await idOf(2)).not.toBe(id);
    expect((await stack.must('cluster', 'slots')).stdout).toMatch(/^5461-10922 +5462 +redis-2/m);
    expect((await stack.must('cluster', 'check')).stdout).toContain('✓');
    client?.disconnect();
    client = await connectCluster(stack);
    const missing = await findMissing(client, KEYS);
    const { keys } = JSON.parse((await stack.must('cluster', 'keyslot', '--json', ...missing)).stdout) as {
      keys: { slot: number }[];
    };
    expect(missing.length).toBeGreaterThan(0);
    expect(keys.filter(({ slot }) => slot < 5461 || slot > 10_922)).toEqual([]);
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  });

  test('with a replica: it takes over before an empty node starts at the address that it copies', async () => {
    // Too long for the replicas to do anything by themselves.
    await upWithKeys({ nodeCount: 6, replicas: 1, nodeTimeoutMs: 60_000 });
    // A primary sends its writes on only when the new replica has said that it is ready, up to a second after its copy.
    const copied = async (): Promise<number> => {
      const sizes = await Promise.all([4, 5, 6].map((node) => stack.redis(node, 'DBSIZE')));
      return sizes.reduce((sum, size) => sum + Number(size), 0);
    };
    await expect.poll(copied, { timeout: 10_000 }).toBe(KEYS);
    await wipe(2);
    expect((await stack.must('plan')).stdout).toContain('~ take over redis-5  (redis-2 lost its data');
    await stack.must('up');
    client?.disconnect();
    client = await connectCluster(stack);
    expect(await findMissing(client, KEYS)).toEqual([]);
    expect((await stack.must('cluster', 'nodes')).stdout).toMatch(/^redis-5 +primary +5462 +redis-2/m);
    expect((await stack.must('cluster', 'check')).stdout).toContain('✓');

    // The same where nothing runs: the copy has to start first.
    await stack.must('down');
    await stack.engine.removeVolume(`${stack.container(1)}-data`);
    await stack.must('up');
    client.disconnect();
    client = await connectCluster(stack);
    expect(await findMissing(client, KEYS)).toEqual([]);
    expect((await stack.must('cluster', 'nodes')).stdout).toMatch(/^redis-4 +primary +5461 +redis-1/m);
  });
});
