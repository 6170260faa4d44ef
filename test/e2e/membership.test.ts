/** The commands that change who is in the cluster, and in which role. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { slotMapText } from '../../src/cluster/nodes/node-table.ts';
import { isReachable } from '../../src/cluster/nodes/view.ts';
import { readNodes } from '../../src/stack/observe/observe-nodes.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeAll(async () => {
  // No replica takes over by itself while a test has its primary stopped.
  stack = await makeStack({ nodeCount: 6, replicas: 1, redisConf: 'cluster-replica-no-failover yes\n' });
  await stack.must('up');
});
afterAll(() => stack.remove());

/** Each node: whom it follows and knows, who owns what in its eyes, and how many keys it holds. */
async function picture(): Promise<string> {
  const nodes = await readNodes(await stack.session());
  return nodes
    .map(({ view }) => {
      if (!isReachable(view)) return `${view.name} ${view.reason}`;
      const { myself, rows } = view.table;
      // What gossip fills in late is left out: whom the others take a replica's primary to be.
      const known = rows.map(({ id }) => id).toSorted();
      const follows = `${myself.role} ${myself.primaryId ?? ''}`;
      return [view.name, follows, String(view.keyCount), slotMapText(view.table), ...known].join('\n');
    })
    .join('\n\n');
}

async function refused(argv: readonly string[], ...texts: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await stack.run('cluster', ...argv);
  for (const text of texts) expect(stderr).toContain(text);
  expect(exitCode).toBe(2);
}

async function roleOf(name: string): Promise<string | undefined> {
  const { stdout } = await stack.run('cluster', 'nodes');
  return new RegExp(`^${name} +(primary|replica of [\\w-]+)`, 'm').exec(stdout)?.[1];
}

async function idOf(node: number): Promise<string> {
  return stack.redis(node, 'CLUSTER', 'MYID');
}

describe('a cluster that holds keys', () => {
  beforeAll(async () => {
    for (const key of ['user:1000', 'user:2000', 'user:3000']) await stack.redis(1, '-c', 'SET', key, 'a value');
    // A replica that has just begun gets the first of them a moment later.
    const sizes = (): Promise<string[]> => Promise.all([1, 2, 3, 4, 5, 6].map((node) => stack.redis(node, 'DBSIZE')));
    await vi.waitUntil(async () => (await sizes()).every((size) => size === '1'), { timeout: 30_000, interval: 100 });
  });

  test('whatever would lose slots, keys or the cluster is refused, and nothing is changed', async () => {
    const before = await picture();
    const id = await idOf(1);
    await refused(['create'], 'redis-1: it knows 5 other nodes, 16384 slots have an owner, it holds 1 keys');
    await refused(['create', '--replicas', '3'], "6 nodes can't be divided into primaries with 3 replica(s) each");
    await refused(['create', '--replicas', '5'], 'make 1 primaries');
    await refused(['create', '--replicas', 'one'], "--replicas takes a number of replicas, not 'one'");

    await refused(['replicate', 'redis-4'], 'no primary is named');
    await refused(['replicate', 'redis-9', '--of', 'redis-1'], "there is no node 'redis-9'");
    await refused(['replicate', 'redis-1', '--of', 'redis-1'], "can't be a replica of itself");
    await refused(
      ['replicate', 'redis-4', '--of', 'redis-5'],
      'redis-5 is a replica itself, of redis-2',
      '--of redis-2',
    );
    await refused(['replicate', 'redis-2', '--of', 'redis-1'], 'redis-2 still owns 5462 slots: move them first');

    await refused(['failover', 'redis-1'], 'its replicas are: redis-4', 'cluster failover redis-4');
    await refused(['failover', 'redis-4', '--force', '--takeover'], 'exclude each other');

    await refused(['forget', id], 'redis-1 is a node of the YAML file', 'cluster remove-node redis-1');
    await refused(['forget', 'redis-1'], 'redis-1 is a node of the YAML file');
    await refused(['forget', `${stack.ips[0] ?? ''}:6379`], 'redis-1 is a node of the YAML file');
    await refused(
      ['forget', 'f'.repeat(40)],
      'nobody knows a node',
      'every node that is known is one of the YAML file',
    );

    await refused(['meet', 'redis-9'], "there is no node 'redis-9'");

    await refused(['reset'], 'no node is named');
    await refused(['reset', 'redis-1'], 'redis-1 is a primary with 1 keys and 5461 slots');
    await refused(['reset', 'redis-4', 'redis-1'], 'redis-1 is a primary with 1 keys');
    await refused(['reset', '--all', '--yes'], 'the cluster holds keys', 'redis-1 holds 1 keys');
    expect(await picture()).toBe(before);
  });

  test('what is so already is said, and changes nothing', async () => {
    const before = await picture();
    expect((await stack.must('cluster', 'replicate', 'redis-4', '--of', 'redis-1')).stdout).toContain('nothing to do');
    expect((await stack.must('cluster', 'meet', 'redis-4')).stdout).toContain('nothing to do');
    expect(await picture()).toBe(before);
  });

  test('a failover waits for a copy that is about to be there', async () => {
    // The replica has to begin anew, and can't log in before the password is right again.
    const password = (await stack.redis(6, 'CONFIG', 'GET', 'masterauth')).split('\n')[1] ?? '';
    await stack.redis(6, 'CONFIG', 'SET', 'masterauth', 'wrong');
    await stack.redis(3, 'CLIENT', 'KILL', 'TYPE', 'replica');
    await vi.waitUntil(async () => (await stack.redis(6, 'INFO', 'replication')).includes('master_link_status:down'), {
      timeout: 30_000,
      interval: 50,
    });
    // It tries again once a second.
    await stack.redis(6, 'CONFIG', 'SET', 'masterauth', password);
    expect((await stack.must('cluster', 'failover', 'redis-6')).stdout).toContain('redis-6 is the primary');
    await stack.must('cluster', 'failover', 'redis-3');
  });

  test('failover and back: every key stays', async () => {
    const { stdout } = await stack.must('cluster', 'failover', 'redis-5');
    expect(stdout).toContain('redis-5 is the primary of 5,462 slots, redis-2 follows it');
    expect(await roleOf('redis-2')).toBe('replica of redis-5');
    const { stdout: back } = await stack.must('cluster', 'failover', 'redis-2', '--json');
    expect(JSON.parse(back)).toMatchObject({ node: 'redis-2', formerPrimary: 'redis-5', isFollowing: true });
    expect(await roleOf('redis-5')).toBe('replica of redis-2');
    for (const key of ['user:1000', 'user:2000', 'user:3000'])
      expect(await stack.redis(1, '-c', 'GET', key)).toBe('a value');
  });

  test('a replica moves to another primary, and has its copy', async () => {
    await stack.must('cluster', 'replicate', 'redis-4', '--of', 'redis-2');
    expect(await roleOf('redis-4')).toBe('replica of redis-2');
    expect(await stack.redis(4, 'DBSIZE')).toBe('1');
    await refused(['failover', 'redis-1'], 'has no replica that could take over');
    await stack.must('cluster', 'replicate', 'redis-4', '--of', 'redis-1');
    await stack.must('cluster', 'wait');
  });

  test('a replica leaves the cluster and comes back: with its id, and with a new one', async () => {
    for (const options of [[], ['--hard']]) {
      const before = await idOf(6);
      expect((await stack.must('cluster', 'reset', 'redis-6', ...options)).stdout).toContain('cluster meet redis-6');
      expect((await idOf(6)) === before).toBe(options.length === 0);
      expect(await stack.redis(6, 'DBSIZE')).toBe('0');
      expect((await picture()).includes(before)).toBe(options.length === 0);
      await refused(['replicate', 'redis-6', '--of', 'redis-3'], "don't know each other", 'cluster meet redis-6');
      // At once, though a node that was forgotten can't come back through gossip for a minute.
      expect((await stack.must('cluster', 'meet', 'redis-6')).stdout).toContain('redis-1, redis-2');
      await stack.must('cluster', 'replicate', 'redis-6', '--of', 'redis-3');
      await stack.must('cluster', 'wait');
    }
  });

  test('a node that got a new id leaves a ghost: it is forgotten by the beginning of its id', async () => {
    const ghost = await idOf(5);
    await stack.redis(5, 'CLUSTER', 'RESET', 'HARD');
    await refused(['forget', `${stack.ips[4] ?? ''}:1234`], 'nobody knows a node', ghost);
    const { stdout } = await stack.must('cluster', 'forget', ghost.slice(0, 12), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ forgotten: ghost, unreachable: [] });
    expect(await picture()).not.toContain(ghost);
    await stack.must('up');
    expect(await roleOf('redis-5')).toBe('replica of redis-2');
  });

  test('with its primary down, a replica takes over by force only, and its copy is not thrown away', async () => {
    await stack.engine.stopContainer(stack.container(1), 10);
    const before = await picture();
    await refused(['failover', 'redis-4'], "redis-1, the primary of redis-4, does not answer and can't hand over");
    await refused(['replicate', 'redis-4', '--of', 'redis-2'], 'redis-4 holds a copy of 1 keys', 'nowhere else');
    await refused(['reset', 'redis-4'], 'redis-4 holds a copy of 1 keys');
    await refused(['reset', 'redis-1'], 'redis-1 does not answer');
    await refused(['replicate', 'redis-1', '--of', 'redis-2'], 'redis-1 does not answer');
    await refused(['forget', `${stack.ips[0] ?? ''}:6379`], 'may be redis-1 of the YAML file');
    expect(await picture()).toBe(before);
    const { stdout } = await stack.must('cluster', 'failover', 'redis-4', '--force');
    expect(stdout).toContain('redis-4 is the primary of 5,461 slots, redis-1 does not answer');
    expect(await stack.redis(2, '-c', 'GET', 'user:1000')).toBe('a value');
    await stack.must('up');
    await stack.must('cluster', 'failover', 'redis-1');
  });

  test('by force once more, right after: Redis counts the old votes, and what is written then stays all the same', async () => {
    await stack.engine.stopContainer(stack.container(1), 10);
    await stack.must('cluster', 'failover', 'redis-4', '--force');
    await stack.redis(2, '-c', 'SET', 'user:1000', 'a newer value');
    await stack.must('up');
    expect(await roleOf('redis-1')).toBe('replica of redis-4');
    expect(await stack.redis(2, '-c', 'GET', 'user:1000')).toBe('a newer value');
    // Nobody votes for redis-1 so soon after; a takeover needs no vote.
    expect((await stack.must('cluster', 'failover', 'redis-1', '--takeover')).stdout).toContain('redis-4 follows it');
    expect(await stack.redis(2, '-c', 'GET', 'user:1000')).toBe('a newer value');
  });

  test('with most primaries down nobody can vote: Redis gives up without a word, and a takeover needs no vote', async () => {
    await Promise.all([1, 3].map((node) => stack.engine.stopContainer(stack.container(node), 10)));
    const { exitCode, stderr } = await stack.run('cluster', 'failover', 'redis-6', '--force');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('redis-6 is still a replica: Redis gave the failover up');
    expect(stderr).toContain('cluster failover redis-6 --takeover');
    await stack.must('cluster', 'failover', 'redis-6', '--takeover');
    expect(await roleOf('redis-6')).toBe('primary');
    await stack.must('up');
    await stack.must('cluster', 'failover', 'redis-3');
    expect(await stack.redis(2, '-c', 'GET', 'user:3000')).toBe('a value');
  });
});

describe('a cluster without keys', () => {
  beforeAll(async () => {
    for (const key of ['user:1000', 'user:2000', 'user:3000']) await stack.redis(1, '-c', 'DEL', key);
    await stack.must('cluster', 'wait');
    // While it was away, its replica may have been elected by the others.
    if ((await roleOf('redis-1')) !== 'primary') await stack.must('cluster', 'failover', 'redis-1', '--takeover');
    await stack.must('cluster', 'wait');
    // What it wrote to prove that it works is gone from the replicas a moment later.
    for (const node of [1, 2, 3, 4, 5, 6])
      await vi.waitUntil(async () => (await stack.redis(node, 'DBSIZE')) === '0', { timeout: 30_000 });
  });

  test('is taken apart after a yes, and made again in this shape and in another', async () => {
    const before = await picture();
    await refused(['reset', '--all'], 'CONFIRMATION_NEEDED', 'nothing was changed');
    await refused(['reset', 'redis-1'], 'redis-1 owns 5461 slots');
    expect(await picture()).toBe(before);

    await stack.must('cluster', 'reset', '--all', '--yes');
    const { stdout } = await stack.must('cluster', 'create', '--replicas', '0');
    expect(stdout).toContain('6 primaries, 0 replicas, cluster_state:ok, 16,384 slots');
    expect(stdout).toContain('Write 0 there');

    await stack.must('cluster', 'reset', '--all', '--hard', '--yes');
    const { stdout: again } = await stack.must('cluster', 'create');
    expect(again).toContain('3 primaries, 3 replicas, cluster_state:ok, 16,384 slots');
    await stack.must('cluster', 'wait');
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  });

  test('two clusters that both hold slots are not made one', async () => {
    await stack.must('cluster', 'reset', '--all', '--yes');
    await stack.redis(1, 'CLUSTER', 'ADDSLOTSRANGE', '0', '100');
    await stack.redis(2, 'CLUSTER', 'ADDSLOTSRANGE', '0', '50');
    const before = await picture();
    await refused(['meet', 'redis-2'], 'redis-2 and redis-1 are of two clusters that both hold slots or keys');
    await refused(['create'], 'redis-1: 101 slots have an owner', 'redis-2: 51 slots have an owner');
    expect(await picture()).toBe(before);
    // A blank one joins the one with most slots.
    expect((await stack.must('cluster', 'meet', 'redis-3')).stdout).toContain('redis-3 and redis-1 know each other');
  });
});
