import type { SlotMove } from '../../cluster/slots/slots.ts';
import { datasetBytes, parseInfo } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import { bytesText } from '../../units.ts';

/** A key on its way is in the target's memory twice for a moment. */
const OVERHEAD = 1.2;

/**
 * With an eviction policy, Redis makes room for keys that come by throwing out others, without a word. A node that has
 * thrown out keys before is a cache that is full, and does so all the time.
 *
 * @throws StackError DATA_AT_RISK before anything moves, where a target would have to throw out keys for the first time
 */
export async function requireRoom(links: readonly NodeLink[], moves: readonly SlotMove[]): Promise<void> {
  const linkOf = (name: string): NodeLink | undefined => links.find((link) => link.name === name);
  const arriving = new Map<string, number>();
  for (const { from, to, slots } of moves) {
    const source = linkOf(from);
    const bytes = source === undefined ? 0 : await bytesOf(source, slots);
    arriving.set(to, (arriving.get(to) ?? 0) + bytes);
  }
  for (const [name, bytes] of arriving) {
    const info = parseInfo(String(await linkOf(name)?.send('INFO')));
    const limit = Number(info.get('maxmemory') ?? 0);
    const evicts = info.get('maxmemory_policy') !== 'noeviction' && info.get('evicted_keys') === '0';
    const used = Number(info.get('used_memory') ?? 0);
    if (limit === 0 || !evicts || used + bytes * OVERHEAD <= limit) continue;
    const [has, comes, most] = [used, bytes, limit].map(bytesText);
    throw new StackError('DATA_AT_RISK', {
      message: `${name} has no room for what would move to it: it uses ${has}, about ${comes} would come, and its limit is ${most}; no slot was moved`,
      hint: 'Raise redis.maxmemory and redis.memory in the YAML file, then run up.',
    });
  }
}

/** About what the keys of `slots` take: their share of all keys of the node. */
async function bytesOf(source: NodeLink, slots: readonly number[]): Promise<number> {
  const counts = await source.sendAll(slots.map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]));
  const moving = counts.reduce<number>((sum, count) => sum + Number(count), 0);
  const info = parseInfo(String(await source.send('INFO')));
  const all = Number(/keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? 0);
  return all === 0 ? 0 : (datasetBytes(info) * moving) / all;
}
