/** CLUSTER MIGRATION of a real Redis 8.4 or later; where none can be had, the tests are skipped and say why. */
import { createHash } from 'node:crypto';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { slotMapText, type NodeRow } from '../../src/cluster/nodes/node-table.ts';
import { formatRanges, type SlotRange } from '../../src/cluster/slots/slots.ts';
import { isReachable } from '../../src/cluster/nodes/view.ts';
import { atomicMigrationOf, moveSlotsAtomically } from '../../src/redis/slots/atomic-slot-move.ts';
import { isUnderWay, readTasks } from '../../src/redis/slots/migration-tasks.ts';
import type { NodeLink, RedisCommand } from '../../src/redis/node-link.ts';
import { Refusal } from '../../src/redis/connect-node.ts';
import { linkNodes } from '../../src/stack/connect/with-nodes.ts';
import { failureOf } from '../helpers/builders.ts';
import { asTold } from '../helpers/hint-text.ts';
import { serverImage } from '../helpers/server-images.ts';
import { makeStack, testEngine, type TestStack } from '../helpers/test-stack.ts';

const NEVER = new AbortController().signal;
const BIG_LIST = 'user:1000';
/** However busy the machine is. */
const LEAST_WRITTEN = 1000;
const FIRST_THIRD: SlotRange = { start: 0, end: 5460 };

let stack: TestStack | undefined;
let links: readonly NodeLink[] = [];
let client: Cluster;
let missing: string | undefined;

beforeAll(async () => {
  const newer = await serverImage(await testEngine(), 'redis-8.6');
  if ('reason' in newer) {
    missing = newer.reason;
    return;
  }
  stack = await makeStack({ redis: `  image: ${newer.image}\n` });
  // Room for 20 MB as a value, on its way, and in the buffers of two nodes and a reader.
  stack.edit((yaml) => yaml.replace('memory: 128mb', 'memory: 512mb'));
  await stack.must('up');
  // 20 MB in one go, on a machine that has other work, too.
  links = (await linkNodes(await stack.session())).map((link) => link.patient(60_000));
  client = await connect(stack, links);
  await fill();
});
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});
afterAll(async () => {
  client?.disconnect();
  for (const link of links) link.close();
  await stack?.remove();
});

test('an older Redis is known by its not knowing the command', async () => {
  const older = await makeStack();
  try {
    await older.must('up');
    const [link] = await linkNodes(await older.session());
    expect(await atomicMigrationOf(link ?? node(1))).toBeUndefined();
    expect(await atomicMigrationOf(node(1))).toBe('redis');
    link?.close();
  } finally {
    await older.remove();
  }
});

test('a third of the slots moves while clients write: nothing is lost, and every node knows the new owner', async () => {
  const before = await readAll();
  const writer = startWriter();
  const states: string[] = [];
  await moveSlotsAtomically(node(2), [FIRST_THIRD], { signal: NEVER, onProgress: ({ state }) => states.push(state) });
  const written = await writer.stop();

  expect(states).not.toEqual([]);
  expect(written.failures).toEqual([]);
  expect(written.values.size).toBeGreaterThan(LEAST_WRITTEN);
  const read = await askOwners([...written.values.keys()].map((key) => ['GET', key]));
  expect(read.map(String)).toEqual([...written.values.values()]);
  expect(differing(before, await readAll())).toEqual([]);
  await expectOwner(2, [FIRST_THIRD]);
  const sizes = await Promise.all(links.map(async (link) => Number(await link.send('DBSIZE'))));
  expect(sizes[0]).toBe(0);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(before.size + written.values.size);
});

test('a node that gives all it has to an empty one stays a primary', async () => {
  const everything = [{ start: 10923, end: 16383 }];
  expect((await myself(1)).slots).toEqual([]);
  await moveSlotsAtomically(node(1), everything, { signal: NEVER });
  await expectOwner(1, everything);
  expect(await myself(3)).toMatchObject({ role: 'primary', slots: [] });
  await moveSlotsAtomically(node(3), everything, { signal: NEVER });
  await expectOwner(3, everything);
  expect(await myself(1)).toMatchObject({ role: 'primary', slots: [] });
});

test('slots that the target has already are no work, wherever the rest of them is', async () => {
  const tasksBefore = (await readTasks(node(2))).length;
  await moveSlotsAtomically(node(2), [FIRST_THIRD], { signal: NEVER });
  expect(await readTasks(node(2))).toHaveLength(tasksBefore);
  await moveSlotsAtomically(node(1), [{ start: 0, end: 99 }], { signal: NEVER });
  await moveSlotsAtomically(node(2), [{ start: 50, end: 150 }], { signal: NEVER });
  expect((await readTasks(node(2)))[0]).toMatchObject({ slots: [{ start: 50, end: 99 }], state: 'completed' });
});

describe('while the source takes its time', () => {
  const SLOTS = [
    { start: 1600, end: 1700 },
    { start: 1800, end: 2800 },
  ];
  // A debugging setting of Redis: microseconds that it waits after each key of a snapshot.
  beforeEach(() => node(2).send('CONFIG', 'SET', 'rdb-key-save-delay', 6000));

  test('an interrupt cancels the move: slots and keys stay with the source', async () => {
    const before = await readAll();
    const interrupt = new AbortController();
    const reason = new Error('Ctrl-C');
    const move = moveSlotsAtomically(node(3), SLOTS, {
      signal: interrupt.signal,
      onProgress: ({ state }) => {
        if (state === 'accumulate-buffer') interrupt.abort(reason);
      },
    });
    await expect(move).rejects.toBe(reason);
    expect((await readTasks(node(3)))[0]).toMatchObject({ state: 'canceled', slots: SLOTS });
    await expectOwner(2, SLOTS);
    expect(differing(before, await readAll())).toEqual([]);
  });

  test('a time limit does the same, and says where it stood', async () => {
    // Much longer than the limit, and the limit longer than all that comes before.
    await node(2).send('CONFIG', 'SET', 'rdb-key-save-delay', 60_000);
    await expect(moveSlotsAtomically(node(3), SLOTS, { signal: NEVER, timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: 'redis-3 had not taken over slots 1600-1700 1800-2800 after 5s, it was at accumulate-buffer',
    });
    expect((await readTasks(node(3))).filter(isUnderWay)).toEqual([]);
    await expectOwner(2, SLOTS);
  });

  test('a move that an earlier run left behind is waited for, not begun again', async () => {
    const begun = SLOTS.flatMap(({ start, end }) => [start, end]);
    const id = await node(3).send('CLUSTER', 'MIGRATION', 'IMPORT', ...begun);
    const tasks = (await readTasks(node(3))).length;
    await moveSlotsAtomically(node(3), SLOTS, { signal: NEVER });
    const after = await readTasks(node(3));
    expect(after).toHaveLength(tasks);
    expect(after[0]).toMatchObject({ id, state: 'completed' });
    await expectOwner(3, SLOTS);
  });
});

test('a source that refuses again and again: the task is cancelled, and its words are told', async () => {
  const { id } = await myself(3);
  await node(2).send('CLUSTER', 'SETSLOT', 3000, 'MIGRATING', id);
  const failure = await failureOf(() => moveSlotsAtomically(node(1), [{ start: 3100, end: 3200 }], { signal: NEVER }));
  expect(asTold(failure)).toMatchObject({
    code: 'CLUSTER_UNHEALTHY',
    message: expect.stringContaining('all slot states must be STABLE') as string,
    hint: expect.stringContaining('stay with the node that had them') as string,
  });
  await node(2).send('CLUSTER', 'SETSLOT', 3000, 'STABLE');
  expect((await readTasks(node(1))).filter(isUnderWay)).toEqual([]);
  await expectOwner(2, [{ start: 3100, end: 3200 }]);
});

test('keys of those slots on the target are not deleted: the move is refused', async () => {
  const key = 'left-behind';
  const slot = keySlot(Buffer.from(key));
  const owner = await ownerOf(slot);
  const target = links.find((link) => link !== owner.link) ?? node(1);
  await target.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', owner.id);
  await target.sendAll([['ASKING'], ['SET', key, 'precious']]);
  await target.send('CLUSTER', 'SETSLOT', slot, 'STABLE');
  await expect(moveSlotsAtomically(target, [{ start: slot, end: slot }], { signal: NEVER })).rejects.toMatchObject({
    code: 'DATA_AT_RISK',
  });
  // Redis shows it only while the slot is open.
  await target.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', owner.id);
  expect(await target.send('CLUSTER', 'GETKEYSINSLOT', slot, 10)).toEqual([key]);
});

function node(number: number): NodeLink {
  const link = links[number - 1];
  if (link === undefined) throw new Error(`no node ${number}`);
  return link;
}

async function myself(number: number): Promise<NodeRow> {
  const view = await node(number).observe();
  if (!isReachable(view)) throw new Error(view.reason);
  return view.table.myself;
}

async function ownerOf(slot: number): Promise<{ id: string; link: NodeLink }> {
  for (const [index, link] of links.entries()) {
    const { id, slots } = await myself(index + 1);
    if (slots.some(({ start, end }) => start <= slot && slot <= end)) return { id, link };
  }
  throw new Error(`nobody owns ${slot}`);
}

/** Every node says so; those that had no part in the move hear of it a moment later. */
async function expectOwner(number: number, ranges: readonly SlotRange[]): Promise<void> {
  const { id, slots } = await myself(number);
  const isWithin = (range: SlotRange): boolean =>
    slots.some(({ start, end }) => start <= range.start && range.end <= end);
  expect(
    ranges.filter((range) => !isWithin(range)),
    `${formatRanges(slots)} of ${id}`,
  ).toEqual([]);
  const maps = async (): Promise<number> => {
    const views = (await Promise.all(links.map((link) => link.observe()))).filter(isReachable);
    return new Set(views.map(({ table }) => slotMapText(table))).size;
  };
  await expect.poll(maps, { timeout: 30_000, interval: 20 }).toBe(1);
}

async function connect({ ips, ports }: TestStack, [first]: readonly NodeLink[]): Promise<Cluster> {
  const natMap = Object.fromEntries(
    ips.map((ip, index) => [`${ip}:6379`, { host: '127.0.0.1', port: ports[index * 2] ?? 0 }]),
  );
  const password = (await first?.takenPassword())?.reveal() ?? '';
  return new Cluster([{ host: '127.0.0.1', port: ports[0] ?? 0 }], {
    natMap,
    slotsRefreshTimeout: 5000,
    // It follows a redirection to the address in the network, which it can't reach, until it has read the slots again.
    retryDelayOnMoved: 50,
    maxRedirections: 64,
    redisOptions: { password },
  });
}

const TYPES: readonly {
  write: (key: string, index: number) => RedisCommand;
  read: (key: string) => RedisCommand;
}[] = [
  { write: (key, index) => ['SET', key, `value ${index}`], read: (key) => ['GET', key] },
  {
    write: (key, index) => ['HSET', key, 'one', index, 'two', 'x'.repeat(100)],
    read: (key) => ['HMGET', key, 'one', 'two'],
  },
  { write: (key, index) => ['RPUSH', key, 'a', 'b', index], read: (key) => ['LRANGE', key, 0, -1] },
  { write: (key, index) => ['SADD', key, 'a', 'b', index], read: (key) => ['SORT', key, 'ALPHA'] },
  { write: (key, index) => ['ZADD', key, 1.5, 'a', index, 'b'], read: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'] },
  {
    write: (key, index) => ['XADD', key, `${index + 1}-1`, 'field', 'value'],
    read: (key) => ['XRANGE', key, '-', '+'],
  },
];
const KEYS = Array.from({ length: 5000 }, (_, index) => `key:${index}`);

/** 5,000 keys of six types in all slots, each tenth with an end, and a list of 20 MB. */
async function fill(): Promise<void> {
  const endsAtMs = Date.now() + 3_600_000;
  const part = Array.from({ length: 20 }, (_, index) => String(index).padEnd(50_000, 'z'));
  const commands = KEYS.flatMap((key, index): RedisCommand[] => {
    const write = TYPES[index % TYPES.length]?.write(key, index) ?? ['PING'];
    return index % 10 === 0 ? [write, ['PEXPIREAT', key, endsAtMs + index]] : [write];
  });
  const big = Array.from({ length: 20 }, (): RedisCommand => ['RPUSH', BIG_LIST, ...part]);
  const replies = await askOwners([...commands, ...big]);
  expect(replies.filter((reply) => reply instanceof Refusal)).toEqual([]);
}

/** What each key holds, and when it ends. */
async function readAll(): Promise<Map<string, string>> {
  const reads = KEYS.map((key, index) => TYPES[index % TYPES.length]?.read(key) ?? (['PING'] as const));
  const values = await askOwners([...reads, ['LRANGE', BIG_LIST, 0, -1]]);
  const ends = await askOwners([...KEYS, BIG_LIST].map((key) => ['PEXPIRETIME', key]));
  const digest = (index: number): string =>
    createHash('sha256')
      .update(`${textOf(values[index])} until ${textOf(ends[index])}`)
      .digest('hex');
  return new Map([...KEYS, BIG_LIST].map((key, index) => [key, digest(index)]));
}

function textOf(reply: unknown): string {
  return Array.isArray(reply) ? `[${reply.map(textOf).join(' ')}]` : String(reply);
}

/** Sends each command, whose first argument is a key, to the node that owns its slot. The replies are in order. */
async function askOwners(commands: readonly RedisCommand[]): Promise<unknown[]> {
  const tables = await Promise.all(links.map((_, index) => myself(index + 1)));
  const owners = commands.map(([, key]) => {
    const slot = keySlot(Buffer.from(String(key)));
    return tables.findIndex(({ slots }) => slots.some(({ start, end }) => start <= slot && slot <= end));
  });
  const replies: unknown[] = [];
  for (const [owner, link] of links.entries()) {
    const indexes = [...commands.keys()].filter((index) => owners[index] === owner);
    const answers = await link.sendAll(indexes.map((index) => commands[index] ?? ['PING']));
    for (const [at, index] of indexes.entries()) replies[index] = answers[at];
  }
  return replies;
}

function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...before.keys()].filter((key) => before.get(key) !== after.get(key));
}

interface Written {
  /** What Redis acknowledged. */
  readonly values: ReadonlyMap<string, string>;
  readonly failures: readonly string[];
}

/** Writes in all slots from now on until `stop`, two seconds at least. */
function startWriter(): { stop: () => Promise<Written> } {
  const values = new Map<string, string>();
  const failures: string[] = [];
  const earliestEnd = Date.now() + 2000;
  const stopping = new AbortController();
  const lane = async (number: number): Promise<void> => {
    const isDone = (): boolean => stopping.signal.aborted && Date.now() > earliestEnd && values.size > LEAST_WRITTEN;
    for (let index = 0; !isDone() && failures.length === 0; index += 1) {
      const key = `written:${number}:${index % 1000}`;
      const value = String(index);
      try {
        await client.set(key, value);
        values.set(key, value);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, (_, number) => lane(number)));
  return {
    stop: async () => {
      stopping.abort();
      await lanes;
      return { values, failures };
    },
  };
}
