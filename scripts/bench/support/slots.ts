import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { keySlot } from '../../../src/cluster/keys/key-slot.ts';
import { slotMapText } from '../../../src/cluster/nodes/node-table.ts';
import { isReachable, type ReachableView } from '../../../src/cluster/nodes/view.ts';
import type { NodeLink, RedisCommand } from '../../../src/redis/node-link.ts';
import { Refusal } from '../../../src/redis/connect-node.ts';
import { linkNodes } from '../../../src/stack/connect/with-nodes.ts';
import { readNodes } from '../../../src/stack/observe/observe-nodes.ts';
import type { Session } from '../../../src/stack/session/session.ts';
import { LONGEST_WAIT_MS } from './context.ts';

const PAUSE_MS = 20;
const KEYS_A_PIPELINE = 5000;
/** Of what MIGRATE can't compress. */
const VALUE_BYTES = 100;

/** Writes the keys of the numbers from `first` to before `end`, in turn into each of `slots`. */
export async function fillSlots(
  session: Session,
  slots: readonly number[],
  { first, end }: { readonly first: number; readonly end: number },
): Promise<void> {
  const links = await linkNodes(session);
  try {
    const owners = ownersOf(await viewsOf(session), links);
    const tags = tagsOf(slots);
    const value = randomBytes(VALUE_BYTES);
    for (let start = first; start < end; start += KEYS_A_PIPELINE) {
      const commands = new Map<NodeLink, RedisCommand[]>(links.map((link) => [link, []]));
      for (let number = start; number < Math.min(start + KEYS_A_PIPELINE, end); number += 1) {
        const index = number % slots.length;
        const owner = owners.get(slots[index] ?? 0);
        if (owner !== undefined) commands.get(owner)?.push(['SET', `{${tags[index] ?? ''}}:${number}`, value]);
      }
      const replies = await Promise.all([...commands].map(([link, ofLink]) => link.sendAll(ofLink)));
      for (const reply of replies.flat()) if (reply instanceof Refusal) throw reply;
    }
  } finally {
    for (const link of links) link.close();
  }
}

/** Resolves when all nodes agree on who owns what, and all is as wanted. */
export async function waitForOwners(
  session: Session,
  isWanted: (views: readonly ReachableView[]) => boolean,
): Promise<void> {
  const end = Date.now() + LONGEST_WAIT_MS;
  for (;;) {
    session.signal.throwIfAborted();
    const views = await viewsOf(session);
    const maps = new Set(views.map(({ table }) => slotMapText(table)));
    if (views.length === session.spec.nodes.length && maps.size === 1 && isWanted(views)) return;
    if (Date.now() > end) {
      const keys = views.map(({ name, keyCount }) => `${name} ${keyCount} keys`).join(', ');
      throw new Error(`after the move not all is as it should be: ${maps.size} opinions on the slots, ${keys}`);
    }
    await pause(PAUSE_MS);
  }
}

export async function viewsOf(session: Session): Promise<ReachableView[]> {
  return (await readNodes(session)).map(({ view }) => view).filter(isReachable);
}

export function sumOfKeys(views: readonly ReachableView[]): number {
  return views.reduce((sum, { keyCount }) => sum + keyCount, 0);
}

function ownersOf(views: readonly ReachableView[], links: readonly NodeLink[]): Map<number, NodeLink> {
  const owners = new Map<number, NodeLink>();
  for (const { name, table } of views) {
    const link = links.find((one) => one.name === name);
    if (link === undefined) continue;
    for (const { start, end } of table.myself.slots) {
      for (let slot = start; slot <= end; slot += 1) owners.set(slot, link);
    }
  }
  return owners;
}

/** For each slot a hash tag that leads there. */
function tagsOf(slots: readonly number[]): string[] {
  const wanted = new Set(slots);
  const tags = new Map<number, string>();
  for (let number = 0; tags.size < wanted.size; number += 1) {
    const slot = keySlot(Buffer.from(String(number)));
    if (wanted.has(slot) && !tags.has(slot)) tags.set(slot, String(number));
  }
  return slots.map((slot) => tags.get(slot) ?? '');
}
