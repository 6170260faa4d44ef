/** Other servers than this Debian's Redis: the same commands, the same cluster. Where one can't be had, its tests are skipped. */
import type { Cluster } from 'ioredis';
import { afterEach, describe, expect, test, type TestContext } from 'vitest';
import { describeLive } from '../../src/api/inspection/describe-live.ts';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { slotsOf } from '../../src/cluster/slots/slots.ts';
import { openObserver } from '../../src/stack/commands/watch/observer.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { executeMoves } from '../../src/stack/execute/move-slots.ts';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { serverImage, type ServerImageName } from '../helpers/server-images.ts';
import { freePorts, makeStack, testEngine, type Outcome, type TestStack } from '../helpers/test-stack.ts';

const KEYS = 300;

let stack: TestStack | undefined;
let client: Cluster | undefined;
afterEach(async () => {
  client?.disconnect();
  await stack?.remove();
});

async function imageOf(name: ServerImageName, context: TestContext): Promise<string> {
  const found = await serverImage(await testEngine(), name);
  return 'reason' in found ? context.skip(found.reason) : found.image;
}

describe.each<[ServerImageName, string]>([
  ['valkey-8.1', 'Valkey 8.1'],
  ['valkey-9.1', 'Valkey 9.1'],
  ['redis-8.6', 'Redis 8.6'],
])('%s', (name, shown) => {
  test('3 + 3: up, again, slots moved, failed over, restarted one by one, and no key is lost', async (context) => {
    const image = await imageOf(name, context);
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
    const image = await imageOf(name, context);
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
    // Its health check runs the image's own program.
    const states = async (): Promise<string[]> =>
      (await made.engine.listContainers())
        .filter((container) => container.name.startsWith(`${made.name}-`))
        .map(({ status }) => /\((.+)\)/.exec(status)?.[1] ?? status);
    await expect.poll(states, { timeout: 60_000, interval: 500 }).toEqual(['healthy', 'healthy', 'healthy']);

    // No node is left to say so: the files do.
    await must('down');
    made.edit((yaml) => yaml.replace(image, LOCAL_IMAGE));
    const { exitCode, stderr } = await made.run('up');
    expect(stderr).toMatch(
      /the data of redis-\d is in version \d+ of RDB: Redis \d+\.\d+\.\d+ of .* can't read it.* \[DATA_AT_RISK\]/,
    );
    expect(exitCode).toBe(1);
  });
});

test.for<ServerImageName>(['valkey-9.1', 'redis-8.6'])(
  '%s: a move that the servers carry out shows on the terminal and on the page, and an interrupt ends it',
  async (name, context) => {
    const made = await makeStack({ redis: `  image: ${await imageOf(name, context)}\n` });
    stack = made;
    await made.must('up');
    client = await connectCluster(made);
    await fill(client, KEYS);
    const session = await made.session();
    const interrupt = new AbortController();
    const told: string[] = [];
    const move = (signal: AbortSignal): Promise<unknown> => {
      const heard = { ...session, signal, report: ({ text }: { text: string }) => void told.push(text) };
      const moves = [{ from: 'redis-1', to: 'redis-2', slots: slotsOf([{ start: 0, end: 299 }]) }];
      return withNodes(heard, (nodes) => executeMoves(heard, nodes, moves));
    };
    const observer = await openObserver(session, () => made.session());
    try {
      // A debugging setting of both servers: microseconds after each key of a snapshot. There is always one more look.
      await made.redis(1, 'CONFIG', 'SET', 'rdb-key-save-delay', '2000000');
      const interrupted = move(interrupt.signal).catch((error: unknown) => error);
      const live = async () => describeLive(await observer.observe());
      await expect.poll(live, { timeout: 30_000, interval: 100 }).toMatchObject({
        headline: 'The cluster is whole, and 300 slots are on the move',
        moves: [{ from: 'redis-1', to: 'redis-2', slots: [{ start: 0, end: 299 }], count: 300 }],
      });
      interrupt.abort(new Error('Ctrl-C'));
      expect(await interrupted).toMatchObject({ message: 'Ctrl-C' });
      await expect.poll(live, { timeout: 30_000, interval: 100 }).toMatchObject({ health: 'ok', moves: [] });
    } finally {
      observer.close();
    }
    await made.redis(1, 'CONFIG', 'SET', 'rdb-key-save-delay', '0');
    await move(session.signal);
    expect(told[0]).toMatch(/^─{20} 0 of 300 slots, .+ of about .+ copied$/);
    expect(told.at(-1)).toMatch(/^█{20} 300 of 300 slots, [1-9]\d* keys, /);
    expect(await findMissing(client, KEYS)).toEqual([]);
  },
);

test("Valkey with Redis' names as links is Valkey", async (context) => {
  const image = await imageOf('valkey-9.1-links', context);
  const made = await makeStack({ redis: `  image: ${image}\n` });
  stack = made;
  expect((await made.must('up')).stdout).toContain(`${image}, Valkey 9.1`);
  expect((await made.must('plan')).stdout).toContain('Nothing to do');
  expect(await made.redis(2, 'CLUSTER', 'INFO')).toContain('cluster_state:ok');
});
