import { batchesOf } from '../../cluster/slots/slots.ts';
import { groupBy } from '../../cluster/slots/slot-survey.ts';
import { isReachable } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { ActionOf, SlotRepair } from '../../plan/model/action.ts';
import { run } from '../../hint.ts';
import { moveKeys, type KeyInSlot } from '../../redis/slots/key-move.ts';
import type { OnLarge } from '../../redis/slots/large-keys.ts';
import type { RedisCommand } from '../../redis/node-link.ts';
import { renewClaims } from '../../redis/slots/renew-claims.ts';
import { isSameValue } from '../../redis/keys/same-value.ts';
import type { Peer } from '../../redis/slots/route.ts';
import { setSlots } from '../../redis/slots/slot-move.ts';
import type { Execution, KeyConflict } from './execution.ts';
import { peerOf, REPLY_TIMEOUT_MS, whileKeysMove } from './move-slots.ts';

interface Repaired {
  readonly movedKeys: number;
  readonly conflicts: readonly KeyConflict[];
}

/**
 * Brings all keys of the slots to one node, and then tells every node that it is their owner. Can be interrupted
 * anywhere: what is left then is another half-moved slot, with every key on some node.
 *
 * @param repair.outdated a key that the owner has with another value is dropped there
 * @param repair.destructive of keys that are on two nodes with different values, the owner's copy stays and the other goes
 * @throws StackError REDIS_REFUSED with Redis's words, NODE_DISCONNECTED
 */
export async function repairSlots(
  { session, seen, nodes: linked }: Execution,
  repair: ActionOf<'repair slots'>,
): Promise<Repaired> {
  const { signal } = session;
  const nodes = linked.patient(REPLY_TIMEOUT_MS);
  const peers = new Map(
    seen.views.filter(isReachable).flatMap((view) => peerOf(view, nodes).map((peer) => [view.name, peer])),
  );
  const find = (name: string): Peer => {
    const peer = peers.get(name);
    if (peer !== undefined) return peer;
    throw new StackError('NODE_DISCONNECTED', {
      message: `${name} does not answer any more`,
      hint: run('cluster check'),
    });
  };
  if (repair.owner !== undefined && repair.owner !== repair.destination) {
    const [source, target] = [find(repair.owner), find(repair.destination)];
    const others = [...peers.values()].filter((peer) => peer !== source && peer !== target);
    await renewClaims({ source, target, others }, signal);
  }
  const repaired: Repaired[] = [];
  await whileKeysMove(session, nodes, async (onLarge) => {
    for (const slots of batchesOf(repair.slots, SLOTS_A_BATCH)) {
      signal.throwIfAborted();
      repaired.push(await repairBatch({ ...repair, slots }, find, { keepsOwners: repair.destructive, onLarge }));
    }
  });
  return {
    movedKeys: repaired.reduce((sum, { movedKeys }) => sum + movedKeys, 0),
    conflicts: groupBy(
      repaired.flatMap(({ conflicts }) => conflicts),
      ({ keeper, other }) => `${keeper} ${other}`,
    ).flatMap(([first, ...more]) =>
      first === undefined ? [] : [{ ...first, keys: [...first.keys, ...more.flatMap(({ keys }) => keys)] }],
    ),
  };
}

const SLOTS_A_BATCH = 512;

interface Gathering {
  /** Of keys that are on two nodes with different values, the owner's copy stays and the other goes. */
  readonly keepsOwners: boolean;
  readonly onLarge: OnLarge;
}

async function repairBatch(
  repair: SlotRepair,
  find: (name: string) => Peer,
  { keepsOwners, onLarge }: Gathering,
): Promise<Repaired> {
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
  const conflicts: KeyConflict[] = [];
  let movedKeys = 0;
  for (const name of inOrder) {
    const isOwner = name === repair.owner;
    const gather = isOwner ? gatherFromOwner : gatherStrays;
    const gathering = { keepsOwners: keepsOwners || repair.outdated.includes(name), onLarge };
    const gathered = await gather(find(name), destination, slots, gathering);
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
  { keepsOwners, onLarge }: Gathering,
): Promise<Gathered> {
  const { moved, conflicts } = await moveKeys(owner, destination, slots, { replace: false, onLarge });
  if (!keepsOwners || conflicts.length === 0) return { moved, conflicts };
  const again = await moveKeys(owner, destination, slotsOf(conflicts), { replace: true, onLarge });
  return { moved: moved + again.moved, conflicts: again.conflicts };
}

/** Keys on a node that doesn't own their slot. */
async function gatherStrays(
  holder: Peer,
  destination: Peer,
  slots: readonly number[],
  { keepsOwners, onLarge }: Gathering,
): Promise<Gathered> {
  // MIGRATE is refused where the slot has no owner, and sent on to the owner where the slot is closed.
  await setSlots(holder, slots, 'NODE', destination.id);
  await setSlots(holder, slots, 'IMPORTING', destination.id);
  const { moved, conflicts } = await moveKeys(holder, destination, slots, {
    replace: false,
    leavesSame: true,
    onLarge,
  });
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
