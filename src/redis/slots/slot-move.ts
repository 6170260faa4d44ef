import { StackError } from '../../errors.ts';
import { moveKeys } from './key-move.ts';
import { observeEnds, rejectEvictions, rejectOthersMoves, requireOpen } from './move-guards.ts';
import { newPace, type Pace } from './pace.ts';
import { Refusal, type RedisCommand } from '../node-link.ts';
import type { OnMoved, Peer, Route } from './route.ts';

/** Open at the same time. More would make multi-key commands meet half-moved slots more often; fewer, round trips. */
const SLOTS_A_BATCH = 256;
/** While one batch's keys are on their way, the next is opened, or the last one closed. */
const LANES = 2;

/**
 * Moves slots with their keys while clients go on: Redis Cluster specification, "Cluster live reconfiguration". A slot
 * that is already half moved on this route is finished. Each step may be the last one before a crash:
 *
 * 1. The target is told first (IMPORTING), else the source would send clients to a node that refuses them.
 * 2. The source (MIGRATING) now sends on whoever asks for a key that it doesn't have. It gets no new keys by this.
 * 3. Keys go over with MIGRATE: a key is on one side or the other for every client, never on none.
 * 4. Only when the source has no key left, the slot changes hands. Target first: if it crashed before it learnt that it
 *    owns the slot, nobody would own it. Then the source, then the others, who would hear of it by gossip anyway.
 *
 * @param signal looked at between batches, so that an interrupted move leaves no slot half-way
 * @throws StackError CLUSTER_UNHEALTHY with Redis's words; what is half moved can be finished with the same call
 */
export async function moveSlots(
  route: Route,
  slots: readonly number[],
  { signal, onMoved }: { readonly signal: AbortSignal; readonly onMoved: OnMoved },
): Promise<void> {
  const batches = batchesOf(slots);
  const pace = newPace();
  const lane = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      signal.throwIfAborted();
      await moveBatch(route, batch, { pace, onMoved }).catch((error: unknown) => {
        // The other lane finishes what it has begun, and begins no more.
        batches.length = 0;
        throw error;
      });
    }
  };
  const failures = (await Promise.allSettled(Array.from({ length: LANES }, lane))).filter(
    ({ status }) => status === 'rejected',
  );
  for (const failure of failures) if (failure.status === 'rejected') throw failure.reason;
}

async function moveBatch(
  { source, target, others }: Route,
  slots: readonly number[],
  { pace, onMoved }: { readonly pace: Pace; readonly onMoved: OnMoved },
): Promise<void> {
  const before = await observeEnds({ source, target });
  rejectOthersMoves(before, { source, target }, slots);
  await setSlots(target, slots, 'IMPORTING', source.id);
  await setSlots(source, slots, 'MIGRATING', target.id);
  const { conflicts } = await moveKeys(source, target, slots, {
    replace: false,
    pace,
    onMoved: (keys) => onMoved({ slots: 0, keys }),
  });
  const contested = new Set(conflicts.map(({ slot }) => slot));
  const emptied = slots.filter((slot) => !contested.has(slot));
  const after = await observeEnds({ source, target });
  rejectEvictions(before, after);
  requireOpen(after, { source, target }, emptied);
  await giveSlots({ source, target, others }, emptied);
  onMoved({ slots: emptied.length, keys: 0 });
  if (conflicts.length > 0) throw onBothSides(source, target, conflicts.length);
}

/** The slots change hands. The source must hold no key of them: it would refuse, after the target has them already. */
async function giveSlots({ source, target, others }: Route, slots: readonly number[]): Promise<void> {
  await setSlots(target, slots, 'NODE', target.id);
  await setSlots(source, slots, 'NODE', target.id);
  // Who doesn't answer now hears of it by gossip.
  await Promise.allSettled(others.map((other) => setSlots(other, slots, 'NODE', target.id)));
}

/** CLUSTER SETSLOT for many slots in one go. @throws StackError CLUSTER_UNHEALTHY when the node refuses any of them */
export async function setSlots(
  { link }: Peer,
  slots: readonly number[],
  ...state: readonly ['IMPORTING' | 'MIGRATING' | 'NODE', string] | readonly ['STABLE']
): Promise<void> {
  const replies = await link.sendAll(slots.map((slot): RedisCommand => ['CLUSTER', 'SETSLOT', slot, ...state]));
  const index = replies.findIndex((reply) => reply instanceof Refusal);
  const refusal = replies[index];
  if (!(refusal instanceof Refusal)) return;
  throw new StackError('CLUSTER_UNHEALTHY', {
    message: `${link.name} refused CLUSTER SETSLOT ${slots[index] ?? ''} ${state[0]}: ${refusal.message}`,
    hint: 'npx tsx manage.ts cluster fix',
  });
}

function onBothSides({ link: source }: Peer, { link: target }: Peer, count: number): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${count === 1 ? '1 key is' : `${count} keys are`} on ${source.name} and, with another value, on ${target.name}: such slots stay half moved, and clients get the values of ${source.name}`,
    hint: 'npx tsx manage.ts cluster fix   # asks which are to be kept',
  });
}

function batchesOf(slots: readonly number[]): (readonly number[])[] {
  return Array.from({ length: Math.ceil(slots.length / SLOTS_A_BATCH) }, (_, index) =>
    slots.slice(index * SLOTS_A_BATCH, (index + 1) * SLOTS_A_BATCH),
  );
}
