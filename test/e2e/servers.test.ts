/** Other servers than this Debian's Redis: the same commands, the same cluster. Where one can't be had, its tests are skipped. */
import type { Cluster } from 'ioredis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { serverImage, type ServerImageName } from '../helpers/server-images.ts';
import { freePorts, makeStack, testEngine, type Outcome, type TestStack } from '../helpers/test-stack.ts';

const KEYS = 300;

describe.each<[ServerImageName, string]>([
  ['valkey-8.1', 'Valkey 8.1'],
  ['valkey-9.1', 'Valkey 9.1'],
  ['redis-8.6', 'Redis 8.6'],
])('%s', (name, shown) => {
  let image = '';
  let missing: string | undefined;
  beforeAll(async () => {
    const found = await serverImage(await testEngine(), name);
    if ('reason' in found) missing = found.reason;
    else image = found.image;
  });

  let stack: TestStack | undefined;
  let client: Cluster | undefined;
  afterEach(async () => {
    client?.disconnect();
    await stack?.remove();
  });

  test('3 + 3: up, again, slots moved, failed over, restarted one by one, and no key is lost', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const made = await makeStack({ nodeCount: 6, replicas: 1, redis: `  image: ${image}\n` });
    stack = made;
    const must = (...argv: string[]): Promise<Outcome> => made.must(...argv);
    expect((await must('up')).stdout).toContain(`${image}, ${shown}`);
    expect((await must('up')).stdout).toContain('nothing to do');
    // A primary without the shard id that its replica has is missing here, on Valkey for good.
    const shards = await made.redis(1, 'CLUSTER', 'SHARDS');
    expect(shards.match(/^master$/gm)).toHaveLength(3);
    expect(shards.match(/^replica$/gm)).toHaveLength(3);
    client = await connectCluster(made);
    await fill(client, KEYS);

    await must('cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-3', '--slots', '300');
    expect((await must('cluster', 'failover', 'redis-5')).stdout).toContain('redis-5 is the primary');
    await must('restart', '--rolling');
    await must('cluster', 'rebalance');
    await must('cluster', 'check');
    expect(await findMissing(client, KEYS)).toEqual([]);
    expect((await must('plan')).stdout).toContain('Nothing to do');
    const { rows } = parseNodeTable(await made.redis(2, 'CLUSTER', 'NODES'));
    expect(rows.filter(({ slots }) => slots.length > 0)).toHaveLength(3);
  });

  test('a node comes and goes', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const made = await makeStack({ redis: `  image: ${image}\n` });
    stack = made;
    const must = (...argv: string[]): Promise<Outcome> => made.must(...argv);
    await must('up');
    client = await connectCluster(made);
    await fill(client, KEYS);
    const [plain, tls, bus] = (await freePorts(3)).map(String);
    const ports = ['--port', plain ?? '', '--tls-port', tls ?? '', '--bus-port', bus ?? ''];
    await must('cluster', 'add-node', 'redis-4', ...ports);
    await must('cluster', 'check');
    await must('cluster', 'remove-node', 'redis-4');
    await must('cluster', 'check');
    expect(await findMissing(client, KEYS)).toEqual([]);
  });
});
