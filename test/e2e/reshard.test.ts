/** Slots that move between primaries with their keys: reshard, rebalance, and everything that they refuse. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { countSlots, formatRanges } from '../../src/cluster/slots/slots.ts';
import { isReachable } from '../../src/cluster/nodes/view.ts';
import { readNodes } from '../../src/stack/observe/observe-nodes.ts';
import { connectCluster } from '../helpers/cluster-client.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const KEYS = Array.from({ length: 3000 }, (_, index) => `key:${index}`);

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
  const cluster = await connectCluster(stack);
  await Promise.all(KEYS.map((key) => cluster.set(key, `value of ${key}`)));
  cluster.disconnect();
});
afterAll(() => stack.remove());

/** Node → what it owns, and what it has open, in its own words. */
async function slotsOfNodes(): Promise<Record<string, string>> {
  const views = (await readNodes(await stack.session())).map(({ view }) => view).filter(isReachable);
  return Object.fromEntries(
    views.map(({ name, table: { myself } }) => {
      const open = myself.openSlots.map(({ slot, direction }) => ` ${slot} ${direction}`).join('');
      return [name, `${formatRanges(myself.slots)}${open}`];
    }),
  );
}

async function countsOfNodes(): Promise<number[]> {
  const views = (await readNodes(await stack.session())).map(({ view }) => view).filter(isReachable);
  return views.map(({ table }) => countSlots(table.myself.slots));
}

/** Every key is there, with its value, and on the node that owns its slot and on no other. */
async function expectAllKeys(): Promise<void> {
  const cluster = await connectCluster(stack);
  const values = await Promise.all(KEYS.map((key) => cluster.get(key)));
  cluster.disconnect();
  expect(values).toEqual(KEYS.map((key) => `value of ${key}`));
  const views = (await readNodes(await stack.session())).map(({ view }) => view).filter(isReachable);
  for (const { table, keyCount } of views) {
    const owns = (slot: number): boolean => table.myself.slots.some(({ start, end }) => start <= slot && slot <= end);
    expect(keyCount).toBe(KEYS.filter((key) => owns(keySlot(Buffer.from(key)))).length);
  }
}

const idOf = async (node: number): Promise<string> => stack.redis(node, 'CLUSTER', 'MYID');

async function setSlot(node: number, slot: number, ...state: string[]): Promise<void> {
  expect(await stack.redis(node, 'CLUSTER', 'SETSLOT', String(slot), ...state)).toBe('OK');
}

/** The command ends with 2 and says `text`, and no node has other slots, or other open slots, than before. */
async function expectRefusal(argv: readonly string[], ...texts: readonly string[]): Promise<void> {
  const before = await slotsOfNodes();
  const { exitCode, stdout, stderr } = await stack.run('cluster', ...argv);
  for (const text of texts) expect(stderr).toContain(text);
  expect(exitCode).toBe(2);
  expect(stdout).toBe('');
  expect(await slotsOfNodes()).toEqual(before);
}

function reshardArgs(from: string, to: string, slots: number | string): string[] {
  return ['reshard', '--from', from, '--to', to, '--slots', String(slots)];
}

describe('reshard', () => {
  test('shows what it would do with --simulate, and does nothing', async () => {
    const before = await slotsOfNodes();
    const { stdout, stderr } = await stack.must('cluster', ...reshardArgs('redis-1', 'redis-3', 1000), '--simulate');
    expect(stdout).toBe('redis-1 → redis-3  1,000 slots (0-999)\n1,000 slots would move; nothing was changed\n');
    expect(stderr).toBe('');
    expect(await slotsOfNodes()).toEqual(before);
  });

  test('moves slots with their keys to another primary', async () => {
    const { stdout, stderr } = await stack.must('cluster', ...reshardArgs('redis-1', 'redis-3', 1000));
    expect(stderr).toContain('redis-1 → redis-3  1,000 slots (0-999)\n');
    const keyCount = KEYS.filter((key) => keySlot(Buffer.from(key)) < 1000).length;
    expect(stdout).toMatch(
      new RegExp(
        `^✓ 1,000 slots with ${keyCount} keys moved in (\\d+(\\.\\d\\d)?s|\\d+ms) \\([\\d,]+ keys a second\\)\\n$`,
      ),
    );
    expect(await slotsOfNodes()).toEqual({
      'redis-1': '1000-5460',
      'redis-2': '5461-10922',
      'redis-3': '0-999 10923-16383',
    });
    await expectAllKeys();
  });

  test('takes from all others in proportion, and gives JSON', async () => {
    const { stdout } = await stack.must('cluster', ...reshardArgs('all', 'redis-2', 100), '--json');
    expect(JSON.parse(stdout)).toEqual({
      stack: stack.name,
      simulated: false,
      moves: [
        { from: 'redis-1', to: 'redis-2', slots: ['1000-1040'] },
        { from: 'redis-3', to: 'redis-2', slots: ['0-58'] },
      ],
      slots: 100,
      keys: expect.any(Number) as number,
      elapsedMs: expect.any(Number) as number,
    });
    await expectAllKeys();
  });
});

describe('rebalance', () => {
  test('gives everybody an equal share again, and then has nothing to do', async () => {
    const { stderr } = await stack.must('cluster', 'rebalance');
    expect(stderr).toMatch(/^redis-3 → redis-1 {2}[\d,]+ slots \(/m);
    expect((await countsOfNodes()).toSorted((one, other) => one - other)).toEqual([5461, 5461, 5462]);
    await expectAllKeys();
    const again = await stack.must('cluster', 'rebalance', '--threshold', '0');
    expect(again.stdout).toContain('nothing to move');
    const asJson = await stack.must('cluster', 'rebalance', '--json');
    expect(JSON.parse(asJson.stdout)).toMatchObject({ moves: [], slots: 0, keys: 0 });
  });

  test('goes by weights, and empties a node of weight 0, which stays a primary', async () => {
    const before = await slotsOfNodes();
    const argv = ['cluster', 'rebalance', '--weight', 'redis-1=0', '--weight', `${stack.container(2)}=3`];
    const simulated = await stack.must(...argv, '--simulate');
    expect(simulated.stdout).toContain('slots would move; nothing was changed');
    expect(await slotsOfNodes()).toEqual(before);
    await stack.must(...argv);
    expect(await countsOfNodes()).toEqual([0, 12_288, 4096]);
    await expectAllKeys();
    expect((await stack.must('cluster', 'nodes')).stdout).toMatch(/^redis-1 +primary +0 /m);
  });

  test('leaves empty primaries alone, unless it is told to use them', async () => {
    await stack.must('cluster', 'rebalance');
    expect(await countsOfNodes()).toEqual([0, 8192, 8192]);
    await expectRefusal(['rebalance', '--weight', 'redis-1=2'], 'redis-1 owns no slots', '--use-empty-primaries');
    await stack.must('cluster', 'rebalance', '--use-empty-primaries');
    expect((await countsOfNodes()).toSorted((one, other) => one - other)).toEqual([5461, 5461, 5462]);
    await expectAllKeys();
  });
});

describe('what cannot be done is refused before anything changes', () => {
  test('reshard with wrong nodes or counts', async () => {
    expect.hasAssertions();
    await expectRefusal(
      reshardArgs('redis-9', 'redis-3', 10),
      "there is no node 'redis-9'",
      'redis-1, redis-2, redis-3',
    );
    await expectRefusal(reshardArgs('redis-1', 'nobody', 10), "there is no node 'nobody'");
    await expectRefusal(reshardArgs('redis-1,redis-3', 'redis-3', 10), "redis-3 can't be source and target at once");
    await expectRefusal(reshardArgs('redis-1', stack.container(1), 10), "redis-1 can't be source and target at once");
    const [owned = 0] = await countsOfNodes();
    await expectRefusal(
      reshardArgs('redis-1', 'redis-3', 6000),
      `redis-1 owns ${owned} slots, fewer than the 6000 asked for`,
      'the cluster is whole, and what an interrupted run moved has its new owner',
      'cluster slots -f',
    );
    await expectRefusal(reshardArgs('all', 'redis-3', 16_384), 'slots together, fewer than the 16384 asked for');
    for (const count of [0, 16_385]) {
      await expectRefusal(reshardArgs('redis-1', 'redis-3', count), 'a whole number from 1 to 16384');
    }
    for (const count of ['-5', '1.5', 'many', '1e3']) {
      await expectRefusal(
        reshardArgs('redis-1', 'redis-3', count),
        '--slots takes a whole number',
        'cluster reshard --',
      );
    }
    await expectRefusal(
      ['reshard', '--from', 'redis-1', '--to', 'redis-3'],
      '--slots is missing',
      'cluster reshard --',
    );
  });

  test('rebalance with wrong nodes, weights or thresholds', async () => {
    expect.hasAssertions();
    await expectRefusal(['rebalance', '--weight', 'redis-9=1'], "there is no node 'redis-9'");
    await expectRefusal(['rebalance', '--weight', 'redis-1=-1'], '-1 is no weight for redis-1');
    await expectRefusal(['rebalance', '--weight', 'redis-1=NaN'], "--weight takes a number, not 'NaN'");
    await expectRefusal(['rebalance', '--weight', 'redis-1'], 'NODE=NUMBER');
    await expectRefusal(['rebalance', '--weight', 'redis-1=1,redis-1=2'], 'redis-1 is given two weights');
    await expectRefusal(['rebalance', '--weight', 'redis-1=0,redis-2=0,redis-3=0'], 'somebody has to own the slots');
    await expectRefusal(['rebalance', '--threshold', '-1'], '-1 is no threshold');
    await expectRefusal(['rebalance', '--threshold', 'few'], "--threshold takes a number, not 'few'");
  });

  test('a slot without an owner', async () => {
    expect.hasAssertions();
    const { 'redis-3': owned = '' } = await slotsOfNodes();
    const slot = owned.split(/[ -]/).at(-1) ?? '';
    for (const node of [1, 2, 3]) await stack.redis(node, 'CLUSTER', 'DELSLOTS', slot);
    await expectRefusal(reshardArgs('redis-1', 'redis-2', 10), 'only 16383 of 16384 slots', 'manage.ts cluster fix');
    await expectRefusal(['rebalance'], 'only 16383 of 16384 slots have an owner');
    await stack.redis(3, 'CLUSTER', 'ADDSLOTS', slot);
  });

  test('a node that is away', async () => {
    expect.hasAssertions();
    await stack.engine.stopContainer(stack.container(3), 10);
    await expectRefusal(reshardArgs('redis-1', 'redis-2', 10), 'redis-3 does not answer', 'manage.ts up');
    await expectRefusal(['rebalance'], 'redis-3 does not answer');
    await stack.must('up');
  });
});

describe('a run that was interrupted', () => {
  /** Both ends know of it, and no key has gone yet. */
  async function beginMove(from: number, to: number, slot: number): Promise<void> {
    await setSlot(to, slot, 'IMPORTING', await idOf(from));
    await setSlot(from, slot, 'MIGRATING', await idOf(to));
  }

  async function lastSlotOf(node: number): Promise<number> {
    const owned = (await slotsOfNodes())[`redis-${node}`] ?? '';
    return Number(owned.split(/[ -]/).at(-1));
  }

  test('is finished by the same reshard, which counts the slots that are half-way', async () => {
    const slot = await lastSlotOf(1);
    await beginMove(1, 3, slot);
    await expectRefusal(reshardArgs('redis-1', 'redis-2', 1), `slot ${slot} is half-way from redis-1 to redis-3`);
    await expectRefusal(['rebalance'], 'half-way', 'manage.ts cluster fix');
    const { stderr } = await stack.must('cluster', ...reshardArgs('redis-1', 'redis-3', 1));
    expect(stderr).toContain(`redis-1 → redis-3  1 slot (${slot})`);
    expect(Object.values(await slotsOfNodes()).join()).not.toContain('migrating');
    await expectAllKeys();
  });

  test('between the two ends of a handover leaves a mark, which the next one takes away', async () => {
    const slot = await lastEmptySlotOf(1);
    await beginMove(1, 3, slot);
    await setSlot(3, slot, 'NODE', await idOf(3));
    // redis-1 hears that the slot is gone, and goes on sending it away.
    await vi.waitFor(async () => {
      const { 'redis-1': owned = '' } = await slotsOfNodes();
      expect(owned).toMatch(new RegExp(`-${slot - 1} ${slot} migrating$`));
    }, 30_000);
    await stack.must('cluster', ...reshardArgs('redis-1', 'redis-3', 1));
    const after = Object.values(await slotsOfNodes()).join();
    expect(after).not.toContain('migrating');
    expect(after).not.toContain('importing');
    await expectAllKeys();
  });

  /** There is nothing to migrate before it is handed over. */
  async function lastEmptySlotOf(node: number): Promise<number> {
    for (let slot = await lastSlotOf(node); ; slot -= 1) {
      if ((await stack.redis(node, 'CLUSTER', 'COUNTKEYSINSLOT', String(slot))) === '0') return slot;
    }
  }
});

test('two that move the same slots to different nodes at once: whatever they say, no key is lost', async () => {
  await stack.must('cluster', 'rebalance', '--threshold', '0');
  const outcomes = await Promise.all([
    stack.run('cluster', ...reshardArgs('redis-1', 'redis-2', 1500)),
    stack.run('cluster', ...reshardArgs('redis-1', 'redis-3', 1500)),
  ]);
  const refused = outcomes.filter(({ exitCode }) => exitCode !== 0);
  expect(refused.every(({ stderr }) => stderr.includes('cluster fix'))).toBe(true);
  await stack.must('cluster', 'fix');
  expect((await stack.must('cluster', 'check')).stdout).toContain('✓');
  await expectAllKeys();
});

test('a replica neither gives slots nor gets any', async () => {
  await stack.must('cluster', 'rebalance', '--weight', 'redis-1=0');
  await stack.redis(1, 'CLUSTER', 'REPLICATE', await idOf(2));
  await vi.waitFor(async () => expect(await stack.redis(1, 'INFO', 'replication')).toContain('master_link_status:up'), {
    timeout: 20_000,
    interval: 200,
  });
  await expectRefusal(reshardArgs('redis-2', 'redis-1', 10), 'redis-1 is a replica', 'redis-2, redis-3');
  await expectRefusal(reshardArgs('redis-1', 'redis-2', 10), 'redis-1 is a replica');
  await expectRefusal(['rebalance', '--weight', 'redis-1=2'], 'redis-1 is a replica');
});
