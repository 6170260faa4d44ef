/** What this Redis does with a slot whose owner once did not claim it, and what is done about it before slots move. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { countSlots, holdsSlot } from '../../src/cluster/slots/slots.ts';
import { isReachable } from '../../src/cluster/nodes/view.ts';
import type { NodeLink } from '../../src/redis/node-link.ts';
import { keepsNotes, renewClaims } from '../../src/redis/slots/renew-claims.ts';
import type { Peer } from '../../src/redis/slots/route.ts';
import { setSlots } from '../../src/redis/slots/slot-move.ts';
import { linkNodes, nodesOf } from '../../src/stack/connect/with-nodes.ts';
import { areEpochsSettled } from '../../src/stack/reconcile/history.ts';
import { peerOf } from '../../src/stack/execute/move-slots.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let links: readonly NodeLink[] = [];
let source: Peer;
let target: Peer;
let third: Peer;
let version: string;

beforeAll(async () => {
  // A bus without TLS: a message for a paused node is on its way as soon as the other one has connected.
  stack = await makeStack({ tls: '{ cluster: false }' });
  await stack.must('up');
  const session = await stack.session();
  // A command for a paused node waits until it goes on.
  links = (await linkNodes(session)).map((link) => link.patient(60_000));
  const views = (await Promise.all(links.map((link) => link.observe()))).filter(isReachable);
  version = views[0]?.redisVersion ?? 'unknown';
  const peers = views.flatMap((view) => peerOf(view, nodesOf(links)));
  [source, target, third] = peers as [Peer, Peer, Peer];
});
beforeEach((context) => {
  if (!keepsNotes(version)) context.skip(`Redis ${version} takes no such notes, or drops them`);
});
afterAll(async () => {
  for (const link of links) link.close();
  await stack.remove();
});

/**
 * A node that is still meeting the target sends it no other message of this kind; and as long as two have the same epoch, one
 * of them is about to take a greater one, with which its claims count for more.
 */
async function untilSettled(): Promise<void> {
  const isMoving = async (): Promise<boolean> => {
    const views = (await Promise.all(links.map((link) => link.observe()))).filter(isReachable);
    const isMeeting = views.some(({ table }) => table.rows.some(({ flags }) => flags.has('handshake')));
    return isMeeting || !areEpochsSettled(views);
  };
  await expect.poll(isMoving, { timeout: 60_000 }).toBe(false);
}

async function whilePaused(node: number, work: () => Promise<unknown>): Promise<void> {
  const container = dockerOf(stack.engine).getContainer(stack.container(node));
  await untilSettled();
  await container.pause();
  try {
    await work();
  } finally {
    await container.unpause();
  }
}

async function countMeets({ link }: Peer, direction: 'sent' | 'received'): Promise<number> {
  const info = String(await link.send('CLUSTER', 'INFO'));
  return Number(new RegExp(`cluster_stats_messages_meet_${direction}:(\\d+)`).exec(info)?.[1] ?? 0);
}

/** `from` sends the target a message with all its claims, which is on its way then. */
async function claim(from: Peer): Promise<void> {
  const before = await countMeets(from, 'sent');
  await from.link.send('CLUSTER', 'MEET', target.ip, target.port, target.port + 10_000);
  await expect.poll(() => countMeets(from, 'sent'), { timeout: 20_000 }).toBeGreaterThan(before);
}

/** The target hears from the slot's owner, as it believes, that it is not its own, and then who it really belongs to. */
async function noteOnTarget(slot: number): Promise<void> {
  await whilePaused(1, async () => {
    await setSlots(target, [slot], 'NODE', third.id);
    const before = await countMeets(target, 'received');
    await claim(third);
    await expect.poll(() => countMeets(target, 'received'), { timeout: 20_000 }).toBeGreaterThan(before);
    await setSlots(target, [slot], 'NODE', source.id);
  });
}

/** A handover, with a claim of the source's on its way to the target while it takes the slot. */
async function handOver(slot: number): Promise<void> {
  await setSlots(target, [slot], 'IMPORTING', source.id);
  await setSlots(source, [slot], 'MIGRATING', target.id);
  let taken: Promise<void> | undefined;
  await whilePaused(2, async () => {
    taken = setSlots(target, [slot], 'NODE', target.id);
    await sleep(100);
    await claim(source);
  });
  await taken;
  await setSlots(source, [slot], 'NODE', target.id);
  await sleep(500);
}

async function ownersOf(slot: number): Promise<(string | undefined)[]> {
  const views = (await Promise.all([source, target, third].map(({ link }) => link.observe()))).filter(isReachable);
  const ids = views.map(({ table }) => table.rows.find(({ slots }) => holdsSlot(slots, slot))?.id);
  return ids.map((id) => [source, target, third].find((peer) => peer.id === id)?.link.name);
}

async function ownedByTarget(): Promise<number> {
  const view = await target.link.observe();
  return isReachable(view) ? countSlots(view.table.myself.slots) : 0;
}

describe('a slot whose owner, as the target once believed, did not claim it', () => {
  test('stays with the target that takes it after the claims were renewed', async () => {
    await noteOnTarget(100);
    await renewClaims({ source, target, others: [third] }, new AbortController().signal);
    expect(await ownersOf(0)).toEqual(['redis-1', 'redis-1', 'redis-1']);
    await handOver(100);
    await expect.poll(() => ownersOf(100), { timeout: 20_000 }).toEqual(['redis-2', 'redis-2', 'redis-2']);
  });

  test('is lost by one that just takes it: then nobody owns it', async () => {
    await noteOnTarget(200);
    await handOver(200);
    const owners = async () => (await ownersOf(200)).slice(0, 2);
    await expect.poll(owners, { timeout: 20_000 }).toEqual(['redis-2', 'redis-1']);
  });

  // As after the move of all slots of a node to another one, which it is to follow then.
  test('stays with a replica of its owner that takes over, as it renewed the claims before it followed', async () => {
    await stack.must('cluster', 'fix');
    const reshard = `cluster reshard --from redis-2 --to redis-3 --slots ${await ownedByTarget()}`;
    await stack.must(...reshard.split(' '));
    await noteOnTarget(300);
    await stack.must('cluster', 'replicate', 'redis-2', '--of', 'redis-1');
    // Its claim is the strongest from now on.
    await stack.must('cluster', 'failover', 'redis-2');
    await untilSettled();
    const before = await countMeets(target, 'received');
    await setSlots(third, [300], 'NODE', third.id);
    await claim(third);
    await expect.poll(() => countMeets(target, 'received'), { timeout: 20_000 }).toBeGreaterThan(before);
    await expect.poll(() => ownersOf(300), { timeout: 20_000 }).toEqual(['redis-2', 'redis-2', 'redis-2']);
  });
});
