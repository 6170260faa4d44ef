import { groupBy } from '../../cluster/slots/slot-survey.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { SlotRepair } from '../../plan/cluster/repair-step.ts';
import { moveKeys, type KeyInSlot } from '../../redis/slots/key-move.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import { renewClaims } from '../../redis/slots/renew-claims.ts';
import { isSameValue } from '../../redis/keys/same-value.ts';
import type { Peer } from '../../redis/slots/route.ts';
import { setSlots } from '../../redis/slots/slot-move.ts';
import { peerOf } from './move-slots.ts';

/** Keys that are on two nodes with different values. */
export interface Conflict {
  /** Whose copy stays, as the slot's owner. */
  readonly keeper: string;
  readonly other: string;
  readonly keys: readonly KeyInSlot[];
}

export interface SettleOptions {
  readonly signal: AbortSignal;
  readonly views: readonly NodeView[];
  readonly links: readonly NodeLink[];
  /** Of keys that are on two nodes with different values, the owner's copy stays and the other goes. */
  readonly keepsOwners: boolean;
}

export interface Settled {
  readonly movedKeys: number;
  /** Their slots are left as they are. */
  readonly conflicts: readonly Conflict[];
}

/**
 * Brings all keys of the slots to one node, and then tells every node that it is their owner. Can be interrupted
 * anywhere: what is left then is another half-moved slot, with every key on some node.
 *
 * @param options.signal looked at between batches of slots
 * @throws StackError CLUSTER_UNHEALTHY with Redis's words
 */
export async function settleSlots(repair: SlotRepair, options: SettleOptions): Promise<Settled> {
  const { views, links, keepsOwners, signal } = options;
  const peers = new Map(
    views.filter(isReachable).flatMap((view) => peerOf(view, links).map((peer) => [view.name, peer])),
  );
  const find = (name: string): Peer => requirePeer(peers.get(name), name);
  if (repair.owner !== undefined && repair.owner !== repair.destination) {
    const [source, target] = [find(repair.owner), find(repair.destination)];
    const others = [...peers.values()].filter((peer) => peer !== source && peer !== target);
    await renewClaims({ source, target, others }, signal);
  }
  const settled: Settled[] = [];
  for (let start = 0; start < repair.slots.length; start += SLOTS_A_BATCH) {
    signal.throwIfAborted();
    const slots = repair.slots.slice(start, start + SLOTS_A_BATCH);
    settled.push(await settleBatch({ ...repair, slots }, find, keepsOwners));
  }
  return {
    movedKeys: settled.reduce((sum, { movedKeys }) => sum + movedKeys, 0),
    conflicts: groupBy(
      settled.flatMap(({ conflicts }) => conflicts),
      ({ keeper, other }) => `${keeper} ${other}`,
    ).flatMap(([first, ...more]) =>
      first === undefined ? [] : [{ ...first, keys: [...first.keys, ...more.flatMap(({ keys }) => keys)] }],
    ),
  };
}

const SLOTS_A_BATCH = 512;

async function settleBatch(repair: SlotRepair, find: (name: string) => Peer, keepsOwners: boolean): Promise<Settled> {
  const { slots } = repair;
  const destination = find(repair.destination);
  const owner = repair.owner === undefined ? undefined : find(repair.owner);
  for (const loser of repair.losers) await shelter(find(loser), destination, slots);
  if (owner === undefined) {
    // Open before the slot has an owner: whoever looks after a crash sees that there are keys to bring.
    for (const name of repair.holders) {
      if (name !== repair.destination) await setSlots(find(name), slots, 'IMPORTING', destination.id);
    }
    await setSlots(destination, slots, 'NODE', destination.id);
  }
  if (owner !== undefined && owner !== destination) await open(owner, destination, slots);
  // A node that gives a slot away sends on whoever brings it a key.
  else if (repair.openOn.includes(repair.destination)) await setSlots(destination, slots, 'STABLE');

  // The owner's keys first: what another has of the same name is not to be in their place.
  const inOrder = repair.holders.toSorted(
    (one, other) => Number(other === repair.owner) - Number(one === repair.owner),
  );
  const conflicts: Conflict[] = [];
  let movedKeys = 0;
  for (const name of inOrder) {
    const isOwner = name === repair.owner;
    const gather = isOwner ? gatherFromOwner : gatherStrays;
    const gathered = await gather(find(name), destination, slots, keepsOwners);
    movedKeys += gathered.moved;
    const [keeper, other] = isOwner ? [name, repair.destination] : [repair.destination, name];
    if (gathered.conflicts.length > 0) conflicts.push({ keeper, other, keys: gathered.conflicts });
  }
  const unsettled = new Set(conflicts.flatMap(({ keys }) => keys.map(({ slot }) => slot)));
  const clean = slots.filter((slot) => !unsettled.has(slot));
  await close(repair, find, clean);
  return { movedKeys, conflicts };
}

interface Gathered {
  readonly moved: number;
  readonly conflicts: readonly KeyInSlot[];
}

/**
 * Redis deletes the keys of a slot when it hears that another node owns it. A node that doesn't own the slot but imports
 * it keeps them. The commands go in one packet, so that no gossip comes between.
 */
async function shelter({ link }: Peer, destination: Peer, slots: readonly number[]): Promise<void> {
  await link.sendAll(
    slots.flatMap((slot): RedisCommand[] => [
      ['CLUSTER', 'DELSLOTS', slot],
      ['CLUSTER', 'SETSLOT', slot, 'NODE', destination.id],
      ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', destination.id],
    ]),
  );
}

/** As it was begun already: target first, else clients would be sent to a node that refuses them. */
async function open(owner: Peer, destination: Peer, slots: readonly number[]): Promise<void> {
  await setSlots(destination, slots, 'IMPORTING', owner.id);
  await setSlots(owner, slots, 'MIGRATING', destination.id);
}

/** The forward move. */
async function gatherFromOwner(
  owner: Peer,
  destination: Peer,
  slots: readonly number[],
  keepsOwners: boolean,
): Promise<Gathered> {
  const { moved, conflicts } = await moveKeys(owner, destination, slots, { replace: false });
  if (!keepsOwners || conflicts.length === 0) return { moved, conflicts };
  const again = await moveKeys(owner, destination, slotsOf(conflicts), { replace: true });
  return { moved: moved + again.moved, conflicts: again.conflicts };
}

/** Keys on a node that doesn't own their slot. */
async function gatherStrays(
  holder: Peer,
  destination: Peer,
  slots: readonly number[],
  keepsOwners: boolean,
): Promise<Gathered> {
  // MIGRATE is refused where the slot has no owner, and sent on to the owner where the slot is closed.
  await setSlots(holder, slots, 'NODE', destination.id);
  await setSlots(holder, slots, 'IMPORTING', destination.id);
  const { moved, conflicts } = await moveKeys(holder, destination, slots, { replace: false, leavesSame: true });
  const left: KeyInSlot[] = [];
  for (const conflict of conflicts) {
    if (keepsOwners || (await isSameValue(holder.link, destination.link, conflict.key)))
      await removeStray(holder, conflict);
    else left.push(conflict);
  }
  return { moved, conflicts: left };
}

/** Only ever a key that the owner has too. */
async function removeStray({ link }: Peer, { key }: KeyInSlot): Promise<void> {
  await link.sendAll([['ASKING'], ['DEL', key]]);
}

/**
 * Destination first: if it crashed before it learnt that it owns the slot, nobody would own it. Redis refuses to take a
 * slot from a node that still has keys of it, and then nobody else is told.
 */
async function close(repair: SlotRepair, find: (name: string) => Peer, slots: readonly number[]): Promise<void> {
  if (slots.length === 0) return;
  const destination = find(repair.destination);
  const { owner, losers, holders, misled, openOn } = repair;
  if (owner !== undefined && owner !== repair.destination) {
    await setSlots(destination, slots, 'NODE', destination.id);
    await setSlots(find(owner), slots, 'NODE', destination.id);
  }
  const others = [...losers, ...misled].filter((name) => name !== owner);
  // Who doesn't know the destination yet hears of it by gossip.
  await Promise.allSettled([...new Set(others)].map((name) => setSlots(find(name), slots, 'NODE', destination.id)));
  if (repair.needsEpoch) await destination.link.send('CLUSTER', 'BUMPEPOCH');
  const opened = new Set([...openOn, ...losers, ...holders]);
  for (const name of opened) await setSlots(find(name), slots, 'STABLE');
}

function slotsOf(keys: readonly KeyInSlot[]): number[] {
  return [...new Set(keys.map(({ slot }) => slot))];
}

function requirePeer(peer: Peer | undefined, name: string): Peer {
  if (peer !== undefined) return peer;
  throw new StackError('CLUSTER_UNHEALTHY', {
    message: `${name} does not answer any more`,
    hint: 'npx tsx manage.ts cluster check',
  });
}
