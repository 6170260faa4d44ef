/** A cluster between whose nodes slots are moved, and everything that must be as before afterwards. */
import type { Redis } from 'ioredis';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { slotsOf } from '../../src/cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../src/cluster/nodes/view.ts';
import type { RedisCommand } from '../../src/redis/node-link.ts';
import { Refusal } from '../../src/redis/connect-node.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { poll } from '../../src/poll.ts';
import { executeMoves } from '../../src/stack/execute/move-slots.ts';
import { readNodes } from '../../src/stack/observe/observe-nodes.ts';
import { makeStack, type TestStack } from './test-stack.ts';

/** Memory enough for large keys; nothing is ever evicted; and DEBUG, which gives digests of values. */
export async function makeRoomyStack(): Promise<TestStack> {
  const stack = await makeStack({
    redis: '  maxmemoryPolicy: noeviction\n',
    redisConf: 'enable-debug-command yes\n',
  });
  stack.edit((yaml) => yaml.replace('memory: 128mb', 'memory: 1gb').replace('maxmemory: 64mb', 'maxmemory: 700mb'));
  await stack.must('up');
  return stack;
}

/** `perSlot` keys in each slot below `slotCount`, with the slots in turns. */
export function keysBelow(slotCount: number, perSlot: number): string[] {
  const tags = new Map<number, string>();
  for (let index = 0; tags.size < slotCount; index += 1) {
    const tag = `{${index}}`;
    const slot = keySlot(Buffer.from(tag));
    if (slot < slotCount && !tags.has(slot)) tags.set(slot, tag);
  }
  return Array.from({ length: perSlot }, (_, turn) => [...tags.values()].map((tag) => `${tag}:${turn}`)).flat();
}

/** Sends commands in one go. @throws Error where one is refused */
export async function sendAll(client: Redis, commands: readonly RedisCommand[]): Promise<unknown[]> {
  const pipeline = client.pipeline();
  for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
  return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw new Refusal(error.message);
    return reply;
  });
}

export interface StoredKey {
  /** From 1; more than one for a key that is on several. */
  readonly nodes: readonly number[];
  /** Of the value, whatever order a hash or a set is kept in. */
  readonly digest: string;
  readonly expiresAtMs: number | undefined;
}

/** What every node holds. */
export async function readStored(clients: readonly Redis[]): Promise<ReadonlyMap<string, StoredKey>> {
  const stored = new Map<string, StoredKey>();
  for (const [index, client] of clients.entries()) {
    const keys = ((await client.callBuffer('KEYS', '*')) as Buffer[]).map((key) => key.toString('latin1'));
    const digests = await sendAll(
      client,
      keys.map((key) => ['DEBUG', 'DIGEST-VALUE', Buffer.from(key, 'latin1')]),
    );
    // ASKING: on a node that imports the slot, the key would be said to be elsewhere.
    const times = await sendAll(
      client,
      keys.flatMap((key): RedisCommand[] => [['ASKING'], ['PEXPIRETIME', Buffer.from(key, 'latin1')]]),
    );
    for (const [position, key] of keys.entries()) {
      const expiresAtMs = Number(times[position * 2 + 1]);
      stored.set(key, {
        nodes: [...(stored.get(key)?.nodes ?? []), index + 1],
        digest: String(digests[position]),
        expiresAtMs: expiresAtMs < 0 ? undefined : expiresAtMs,
      });
    }
  }
  return stored;
}

/** A RESTORE counts from when it was sent; this much may be added by each of many moves. */
const TTL_DRIFT_MS = 1000;

/** What differs from `before`, in words: keys that are lost, changed, there twice, or live longer or shorter. */
export function findDamage(
  before: ReadonlyMap<string, StoredKey>,
  after: ReadonlyMap<string, StoredKey>,
): readonly string[] {
  const unknown = [...after.keys()].filter((key) => !before.has(key)).map((key) => `${key} is new`);
  const harmed = [...before].flatMap(([key, { digest, expiresAtMs }]) => {
    const now = after.get(key);
    if (now === undefined) return [`${key} is lost`];
    if (now.nodes.length > 1) return [`${key} is on nodes ${now.nodes.join(' and ')}`];
    if (now.digest !== digest) return [`${key} has another value`];
    const drift = Math.abs((now.expiresAtMs ?? 0) - (expiresAtMs ?? 0));
    return drift > TTL_DRIFT_MS ? [`${key} lives ${drift} ms longer or shorter`] : [];
  });
  return [...unknown, ...harmed];
}

/** Of the nodes that run. */
export async function viewsOf(stack: TestStack): Promise<readonly ReachableView[]> {
  const session = await stack.session();
  const isSettled = (nodes: Awaited<ReturnType<typeof readNodes>>): boolean =>
    nodes.every(({ view, container }) => view.reachable || container?.state !== 'running');
  const nodes = await poll(() => readNodes(session), isSettled, { ...session, timeoutMs: 30_000 });
  return nodes.map(({ view }) => view).filter(isReachable);
}

/** What is wrong with the slots in the eyes of any node, in words: one that is open, or without exactly one owner. */
export async function findSlotTrouble(stack: TestStack): Promise<readonly string[]> {
  const views = await viewsOf(stack);
  if (views.length < stack.ips.length) return ['a node does not answer'];
  const maps = views.map(({ table }) => {
    const owners = Array.from({ length: 16_384 }, (): string[] => []);
    for (const { id, slots } of table.rows) for (const slot of slotsOf(slots)) owners[slot]?.push(id);
    return owners.map((ids) => ids.join(' '));
  });
  return views.flatMap(({ name, table: { myself } }, index) => [
    ...myself.openSlots.map(({ slot, direction }) => `${slot} is ${direction} on ${name}`),
    ...(maps[index] ?? []).flatMap((owner, slot) => {
      if (owner.length === 40 && owner === maps[0]?.[slot]) return [];
      return [`${slot} is owned by '${owner}' in the eyes of ${name}`];
    }),
  ]);
}

const HOME = [
  { name: 'redis-1', start: 0, end: 5460 },
  { name: 'redis-2', start: 5461, end: 10_922 },
  { name: 'redis-3', start: 10_923, end: 16_383 },
];

/** Every slot goes back to the node that had it first. */
export async function bringHome(stack: TestStack): Promise<void> {
  const views = await viewsOf(stack);
  const moves = HOME.flatMap(({ name: to, start, end }) =>
    views
      .filter(({ name }) => name !== to)
      .map(({ name: from, table: { myself } }) => ({
        from,
        to,
        slots: slotsOf(myself.slots).filter((slot) => start <= slot && slot <= end),
      }))
      .filter(({ slots }) => slots.length > 0),
  );
  const session = await stack.session();
  await withNodes(session, (nodes) => executeMoves(session, nodes, moves));
}
