/** What a slot on the move promises: to clients that go on, to large keys, and to keys that are on both sides. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { formatRanges } from '../../src/cluster/slots/slots.ts';
import { NodeLink } from '../../src/redis/node-link.ts';
import { moveKeys } from '../../src/redis/slots/key-move.ts';
import { linkNodes, withNodes } from '../../src/stack/connect/with-nodes.ts';
import { executeMoves } from '../../src/stack/execute/move-slots.ts';
import { connectCluster } from '../helpers/cluster-client.ts';
import { clientsOf } from '../helpers/key-values.ts';
import { startLoad, type Latency } from '../helpers/load.ts';
import { connectLibrary, connectPlainly } from '../helpers/load-client.ts';
import {
  bringHome,
  findDamage,
  findSlotTrouble,
  keysBelow,
  makeRoomyStack,
  readStored,
  sendAll,
  viewsOf,
} from '../helpers/moving-keys.ts';
import type { TestStack } from '../helpers/test-stack.ts';
import { isThorough } from '../helpers/reliability-record.ts';

const TIMEOUT = 'cluster-node-timeout';

let stack: TestStack;
let nodes: Redis[];
let ids: string[];
beforeAll(async () => {
  stack = await makeRoomyStack();
  nodes = clientsOf(stack);
  ids = await Promise.all(nodes.map(async (node) => String(await node.call('CLUSTER', 'MYID'))));
});
afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await stack.remove();
});

function nodeAt(number: number): Redis {
  const node = nodes[number - 1];
  if (node === undefined) throw new Error(`no node ${number}`);
  return node;
}

async function moveSlots(from: number, to: number, slots: readonly number[]): Promise<void> {
  const session = await stack.session();
  const moves = [{ from: `redis-${from}`, to: `redis-${to}`, slots }];
  await withNodes(session, (linked) => executeMoves(session, linked, moves));
}

describe('while clients write and read without pause', () => {
  const OPERATIONS = isThorough ? 200_000 : 20_000;
  /** For a machine that has other things to do. */
  const LONGEST_MS = 300_000;
  /** There and back, in uneven parts and from several nodes at once. */
  const MOVES = [
    ['reshard', '--from', 'redis-1', '--to', 'redis-3', '--slots', '2000'],
    ['reshard', '--from', 'redis-3', '--to', 'redis-2', '--slots', '3000'],
    ['rebalance', '--weight', 'redis-1=3'],
    ['reshard', '--from', 'all', '--to', 'redis-2', '--slots', '1500'],
    ['rebalance'],
  ];

  test(`${OPERATIONS} operations during moves lose nothing, and end in no error`, async () => {
    const libraries = await Promise.all(Array.from({ length: 2 }, () => connectLibrary(stack)));
    const plain = Array.from({ length: 6 }, () => connectPlainly(stack));
    const loads = { ioredis: await startLoad('library', libraries), plain: await startLoad('plain', plain) };
    const both = Object.values(loads);
    const measure = (): string =>
      Object.entries(loads)
        .map(([name, load]) => `${name} clients ${latencyText(load.measure())}`)
        .join('; ');
    const acknowledged = (): number => loads.ioredis.count() + loads.plain.count();
    measure();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const still = measure();
    await Promise.all(nodes.map((node) => node.config('RESETSTAT')));

    const start = performance.now();
    let [moves, slots, keys] = [0, 0, 0];
    while ((acknowledged() < OPERATIONS || moves < MOVES.length) && performance.now() - start < LONGEST_MS) {
      const { stdout } = await stack.must('cluster', ...(MOVES[moves % MOVES.length] ?? []), '--json');
      const moved = JSON.parse(stdout) as { slots: number; keys: number };
      [moves, slots, keys] = [moves + 1, slots + moved.slots, keys + moved.keys];
    }
    const count = acknowledged();
    const moving = measure();
    const elapsedMs = performance.now() - start;
    await Promise.all(both.map((load) => load.stop()));
    const { redirects, others } = await refusalCounts();
    process.stderr.write(
      `without moves: ${still}\nduring moves:  ${moving}\n` +
        `${moves} moves of ${slots} slots and ${keys} keys in ${Math.round(elapsedMs)} ms; ${JSON.stringify(redirects)}\n`,
    );

    expect(both.flatMap(({ surprises }) => surprises)).toEqual([]);
    expect((await Promise.all(both.map((load) => load.findLost()))).flat()).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(OPERATIONS);
    for (const client of [...libraries, ...plain]) client.close();
    expect(await findSlotTrouble(stack)).toEqual([]);
    // Redirects are how a cluster tells its clients of a move, and they end well.
    expect(redirects['MOVED']).toBeGreaterThan(0);
    expect(redirects['ASK']).toBeGreaterThan(0);
    expect(others).toBe(0);
  }, 600_000);

  /** What the nodes refused since RESETSTAT, all nodes together: commands sent on, by how, and all others. */
  async function refusalCounts(): Promise<{ redirects: Record<string, number>; others: number }> {
    const redirects: Record<string, number> = { MOVED: 0, ASK: 0, TRYAGAIN: 0 };
    let all = 0;
    for (const node of nodes) {
      for (const [, name = '', count] of (await node.info('errorstats')).matchAll(/^errorstat_(\w+):count=(\d+)/gm)) {
        if (name in redirects) redirects[name] = (redirects[name] ?? 0) + Number(count);
      }
      // Unlike the other section, this one doesn't count what Redis has no command for, as the client's CLIENT SETINFO.
      const commands = await node.info('commandstats');
      for (const [, count] of commands.matchAll(/(?:rejected|failed)_calls=(\d+)/g)) all += Number(count);
    }
    return { redirects, others: all - Object.values(redirects).reduce((sum, count) => sum + count, 0) };
  }

  function latencyText({ count, p50Ms, p99Ms, maxMs }: Latency): string {
    return `${count} operations, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, longest ${maxMs.toFixed(0)} ms`;
  }
});

/** The other stories begin with every slot at home, and no keys. */
describe('a slot', () => {
  beforeEach(async () => {
    await bringHome(stack);
    await Promise.all(nodes.map((node) => node.flushall()));
  });
  afterEach(() => vi.restoreAllMocks());

  describe('with large keys', () => {
    const [list = '', hash = '', set = '', lasting = ''] = keysBelow(4, 1);
    const SLOTS = [0, 1, 2, 3];

    test('moves a list of 50 MB, a hash of 50,000 fields and a key with a time to live, and all are equal afterwards', async () => {
      const home = nodeAt(1);
      const elements = Array.from({ length: 500 }, () => randomBytes(100_000));
      for (const element of elements) await home.rpush(list, element);
      const fields = Array.from({ length: 50_000 }, (_, index) => [`field:${index}`, randomBytes(8)] as const);
      await home.hset(hash, new Map(fields));
      await home.sadd(set, ...fields.map(([field]) => field));
      await home.set(lasting, 'for an hour', 'EX', 3600);
      const before = await readStored(nodes);
      expect(before.size).toBe(4);
      const timeouts: (readonly unknown[])[] = [];
      // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
      const { send: original } = NodeLink.prototype;
      vi.spyOn(NodeLink.prototype, 'send').mockImplementation(async function (this: NodeLink, ...command) {
        const [name, verb, setting, value] = command;
        if (name === 'CONFIG' && verb === 'SET') timeouts.push([this.name, setting, value]);
        return original.call(this, ...command);
      });

      const start = performance.now();
      await moveSlots(1, 2, SLOTS);
      process.stderr.write(`50 MB list, 50,000 fields, 50,000 members: ${Math.round(performance.now() - start)} ms\n`);

      const after = await readStored(nodes);
      expect(findDamage(before, after)).toEqual([]);
      expect([...after.values()].flatMap((key) => key.nodes)).toEqual([2, 2, 2, 2]);
      const found = await nodeAt(2).lrangeBuffer(list, 0, -1);
      expect(found.length).toBe(500);
      expect(found.every((element, index) => element.equals(elements[index] ?? Buffer.of()))).toBe(true);
      // No replica would have taken over from a node that is busy with the list for too long.
      const names = ['redis-1', 'redis-2', 'redis-3'];
      expect(timeouts.map(([name]) => name)).toEqual([...names, ...names]);
      expect(timeouts.slice(0, 3).every(([, setting, value]) => setting === TIMEOUT && Number(value) > 6000)).toBe(
        true,
      );
      for (const node of nodes) expect(await node.config('GET', TIMEOUT)).toEqual([TIMEOUT, '5000']);
      expect(await findSlotTrouble(stack)).toEqual([]);
    });

    test('takes copies that an interrupted MIGRATE left for what they are, whatever order a hash is kept in', async () => {
      const home = nodeAt(1);
      const fields = Array.from({ length: 5000 }, (_, index) => [`field:${index}`, String(index)] as const);
      await home.hset(hash, new Map(fields));
      await home.sadd(set, ...fields.map(([field]) => field));
      await home.set(lasting, 'for an hour', 'EX', 3600);
      const before = await readStored(nodes);
      await openSlots(SLOTS);
      for (const key of [hash, set, lasting]) await copyByHand(key);

      await moveSlots(1, 2, SLOTS);

      expect(findDamage(before, await readStored(nodes))).toEqual([]);
      expect(await findSlotTrouble(stack)).toEqual([]);
    });
  });

  test('is opened on the target first, and handed over target first, when the source has none of its keys any more', async () => {
    const slots = [0, 1, 2];
    await sendAll(
      nodeAt(1),
      keysBelow(3, 50).map((key) => ['SET', key, `value of ${key}`]),
    );
    const steps: string[] = [];
    const keysAtHandover: unknown[] = [];
    // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
    const { sendAll: original } = NodeLink.prototype;
    vi.spyOn(NodeLink.prototype, 'sendAll').mockImplementation(async function (this: NodeLink, commands) {
      const setSlots = commands.filter(([name, verb]) => name === 'CLUSTER' && verb === 'SETSLOT');
      const [state = ''] = new Set(setSlots.map(([, , , word]) => String(word)));
      if (state === 'NODE') {
        for (const [, , slot] of setSlots) {
          keysAtHandover.push(await nodeAt(1).call('CLUSTER', 'COUNTKEYSINSLOT', String(slot)));
        }
      }
      if (setSlots.length > 0) steps.push(`${this.name} is told: ${state} of ${setSlots.length}`);
      const replies = await original.call(this, commands);
      if (setSlots.length > 0) steps.push(`${this.name} has answered: ${state}`);
      if (commands.some(([name]) => name === 'MIGRATE') && steps.at(-1) !== 'keys go') steps.push('keys go');
      return replies;
    });

    await moveSlots(1, 2, slots);

    expect(steps).toEqual([
      'redis-2 is told: IMPORTING of 3',
      'redis-2 has answered: IMPORTING',
      'redis-1 is told: MIGRATING of 3',
      'redis-1 has answered: MIGRATING',
      'keys go',
      'redis-2 is told: NODE of 3',
      'redis-2 has answered: NODE',
      'redis-1 is told: NODE of 3',
      'redis-1 has answered: NODE',
      'redis-3 is told: NODE of 3',
      'redis-3 has answered: NODE',
    ]);
    expect(keysAtHandover).toEqual(Array.from({ length: 9 }, () => 0));
    expect(await nodeAt(2).dbsize()).toBe(150);
  });

  test('with a key that is on both sides with different values stays half moved, with nothing of it lost, and others go on', async () => {
    const keys = keysBelow(1, 20);
    const [contested = ''] = keys;
    await sendAll(
      nodeAt(1),
      keys.map((key) => ['SET', key, `value of ${key}`]),
    );
    await openSlots([0]);
    await sendAll(nodeAt(2), [['ASKING'], ['SET', contested, 'another value']]);

    const argv = ['--from', 'redis-1', '--to', 'redis-2', '--slots', '3'];
    const { exitCode, stderr } = await stack.run('cluster', 'reshard', ...argv);

    expect(exitCode).toBe(1);
    expect(stderr).toContain('1 key is on redis-1 and, with another value, on redis-2');
    expect(stderr).toContain('npx tsx manage.ts cluster fix');
    expect(await findSlotTrouble(stack)).toEqual(['0 is migrating on redis-1', '0 is importing on redis-2']);
    expect(keySlot(Buffer.from(contested))).toBe(0);
    // The two that nothing is wrong with have gone.
    const [, target] = await viewsOf(stack);
    expect(formatRanges(target?.table.myself.slots ?? [])).toBe('1-2 5461-10922');
    const client = await connectCluster(stack);
    const values = await Promise.all(keys.map((key) => client.get(key)));
    client.disconnect();
    expect(values).toEqual(keys.map((key) => `value of ${key}`));
    expect((await sendAll(nodeAt(2), [['ASKING'], ['GET', contested]])).map(String)).toEqual(['OK', 'another value']);

    await stack.must('cluster', 'fix', '--yes');
    expect(await findSlotTrouble(stack)).toEqual([]);
    expect(await nodeAt(2).mget(...keys)).toEqual(keys.map((key) => `value of ${key}`));
  });

  test('of which a stray copy is gathered keeps what clients write to its owner meanwhile', async () => {
    const [key = ''] = keysBelow(1, 1);
    const [owner, holder] = [nodeAt(1), nodeAt(2)];
    await owner.set(key, 'first');
    await holder.call('CLUSTER', 'SETSLOT', '0', 'IMPORTING', ids[0] ?? '');
    await sendAll(holder, [['ASKING'], ['SET', key, 'first']]);
    const session = await stack.session();
    const links = await linkNodes(session);
    const [to, from] = links.map((link, index) => ({
      link,
      id: ids[index] ?? '',
      ip: stack.ips[index] ?? '',
      port: 6379,
    }));
    if (from === undefined || to === undefined) throw new Error('no nodes');
    // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
    const { sendAll: original } = NodeLink.prototype;
    vi.spyOn(NodeLink.prototype, 'sendAll').mockImplementation(async function (this: NodeLink, commands) {
      if (commands.some((command) => command.includes('REPLACE'))) await owner.set(key, 'acknowledged');
      return original.call(this, commands);
    });

    const { moved, conflicts } = await moveKeys(from, to, [0], {
      replace: false,
      leavesSame: true,
      onLarge: async () => Promise.resolve(),
    });
    for (const link of links) link.close();

    expect({ moved, conflicts: conflicts.map((conflict) => String(conflict.key)) }).toEqual({
      moved: 0,
      conflicts: [key],
    });
    expect(await owner.get(key)).toBe('first');
    expect((await sendAll(holder, [['ASKING'], ['GET', key]])).map(String)).toEqual(['OK', 'first']);
    await sendAll(holder, [['ASKING'], ['DEL', key], ['CLUSTER', 'SETSLOT', 0, 'STABLE']]);
  });

  async function openSlots(slots: readonly number[]): Promise<void> {
    const [source = '', target = ''] = ids;
    await sendAll(
      nodeAt(2),
      slots.map((slot) => ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', source]),
    );
    await sendAll(
      nodeAt(1),
      slots.map((slot) => ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', target]),
    );
  }

  /** As MIGRATE leaves it when the source dies before it has deleted its own. */
  async function copyByHand(key: string): Promise<void> {
    const [payload] = await sendAll(nodeAt(1), [['DUMP', key]]);
    const ttlMs = Math.max(await nodeAt(1).pttl(key), 0);
    if (!Buffer.isBuffer(payload)) throw new Error(`no ${key}`);
    await sendAll(nodeAt(2), [['ASKING'], ['RESTORE', key, ttlMs, payload]]);
  }
});
