import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { moveKeys } from './key-move.ts';
import type { OnLarge } from './large-keys.ts';
import { newPace, type Pace } from './pace.ts';
import type { NodeLink, RedisCommand } from '../node-link.ts';
import { Refusal } from '../connect-node.ts';
import type { OnMoved, Peer, Route } from './route.ts';
import { batchesOf, formatRanges, rangesOf } from '../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';

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
 * @throws StackError REDIS_REFUSED, NODE_DISCONNECTED, CLUSTER_UNHEALTHY when somebody else moves the same slots or a key is
 *   on both sides; what is half moved can be finished with the same call
 */
export async function moveSlots(
  route: Route,
  slots: readonly number[],
  { signal, ...told }: Told & { readonly signal: AbortSignal },
): Promise<void> {
  const batches = batchesOf(slots, SLOTS_A_BATCH);
  const pace = newPace();
  const lane = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      signal.throwIfAborted();
      await moveBatch(route, batch, { pace, ...told }).catch((error: unknown) => {
        // The other lane finishes what it has begun, and begins no more.
        batches.length = 0;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

interface Told {
  readonly onMoved: OnMoved;
  readonly onLarge: OnLarge;
}

async function moveBatch(
  route: Route,
  slots: readonly number[],
  { pace, onMoved, onLarge }: Told & { readonly pace: Pace },
): Promise<void> {
  const { source, target } = route;
  const before = await observeEnds(route);
  rejectOthersMoves(before, route, slots);
  await setSlots(target, slots, 'IMPORTING', source.id);
  await setSlots(source, slots, 'MIGRATING', target.id);
  const { conflicts } = await moveKeys(source, target, slots, {
    replace: false,
    pace,
    onLarge,
    onMoved: (keys) => onMoved({ slots: 0, keys }),
  });
  const contested = new Set(conflicts.map(({ slot }) => slot));
  const emptied = slots.filter((slot) => !contested.has(slot));
  const after = await observeEnds(route);
  rejectEvictions(before, after);
  requireOpen(after, route, emptied);
  await giveSlots(route, emptied);
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

/** CLUSTER SETSLOT for many slots in one go. @throws StackError REDIS_REFUSED when the node refuses any of them */
export async function setSlots(
  { link }: Peer,
  slots: readonly number[],
  ...state: readonly ['IMPORTING' | 'MIGRATING' | 'NODE', string] | readonly ['STABLE']
): Promise<void> {
  const commands = slots.map((slot): RedisCommand => ['CLUSTER', 'SETSLOT', slot, ...state]);
  const replies = (await isHeldUp(link, commands.length))
    ? await link.sendSideBySide(commands)
    : await link.sendAll(commands);
  const index = replies.findIndex((reply) => reply instanceof Refusal);
  const refusal = replies[index];
  if (!(refusal instanceof Refusal)) return;
  throw new StackError('REDIS_REFUSED', {
    message: `${link.name} refused CLUSTER SETSLOT ${slots[index] ?? ''} ${state[0]}: ${refusal.message}`,
    hint: run('cluster fix'),
  });
}

/** Asking takes as long as a few of the commands. */
const FEW = 8;

/**
 * Valkey 8 and later answer SETSLOT when the node's replicas have it, too, half a millisecond later: known by an option for
 * how long at most.
 */
async function isHeldUp(link: NodeLink, count: number): Promise<boolean> {
  if (count <= FEW) return false;
  const [docs, role] = await link.sendAll([['COMMAND', 'DOCS', 'cluster|setslot'], ['ROLE']]);
  const replicas: unknown = Array.isArray(role) ? role[2] : undefined;
  return Array.isArray(replicas) && replicas.length > 0 && words(docs).includes('TIMEOUT');
}

function words(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.flatMap(words) : [String(reply)];
}

function onBothSides({ link: source }: Peer, { link: target }: Peer, count: number): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${count === 1 ? '1 key is' : `${count} keys are`} on ${source.name} and, with another value, on ${target.name}: such slots stay half moved, and clients get the values of ${source.name}`,
    hint: hint`${run('cluster fix')}   # asks which are to be kept`,
  });
}

/** What both ends of a move say. */
export interface Ends {
  readonly from: ReachableView;
  readonly to: ReachableView;
}

async function observeEnds({ source, target }: Route): Promise<Ends> {
  const [from, to] = await Promise.all([source.link.observe(), target.link.observe()]);
  if (isReachable(from) && isReachable(to)) return { from, to };
  const [silent] = [from, to].flatMap((view) => (isReachable(view) ? [] : [view]));
  throw new StackError('NODE_DISCONNECTED', {
    message: `${silent?.name ?? ''} does not answer: ${silent?.reason ?? ''}`,
    hint: hint`${run('up')}   # then: cluster fix`,
  });
}

/** @throws StackError CLUSTER_UNHEALTHY where a slot is on its way to somebody else */
function rejectOthersMoves({ from, to }: Ends, { source, target }: Route, slots: readonly number[]): void {
  const wanted = new Set(slots);
  const others = [...from.table.myself.openSlots, ...to.table.myself.openSlots].filter(
    ({ slot, nodeId }) => wanted.has(slot) && nodeId !== source.id && nodeId !== target.id,
  );
  if (others.length > 0) throw movedByOthers(source, [...new Set(others.map(({ slot }) => slot))]);
}

/**
 * Whoever opens a slot for another target overwrites where the source sends its clients, without a word from Redis. Two
 * owners would come of it, and the one with the lower epoch would delete its keys.
 *
 * @throws StackError CLUSTER_UNHEALTHY where a slot is not open on both ends, and for each other, or an end is no primary any more
 */
function requireOpen({ from, to }: Ends, { source, target }: Route, slots: readonly number[]): void {
  for (const { name, table } of [from, to]) if (table.myself.role === 'replica') throw takenOver(name);
  const openFor = (view: ReachableView, nodeId: string): ReadonlySet<number> =>
    new Set(view.table.myself.openSlots.filter((open) => open.nodeId === nodeId).map(({ slot }) => slot));
  const [leaving, coming] = [openFor(from, target.id), openFor(to, source.id)];
  const changed = slots.filter((slot) => !leaving.has(slot) || !coming.has(slot));
  if (changed.length > 0) throw movedByOthers(source, changed);
}

function movedByOthers({ link }: Peer, slots: readonly number[]): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `slots ${formatRanges(rangesOf(slots))} of ${link.name} are being moved by somebody else, too; they were left as they are`,
    hint: hint`Wait until the other move has ended, then: ${run('cluster fix')}`,
  });
}

function takenOver(name: string): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `a replica has taken over from ${name} in the middle of the move, so that some slots are half moved`,
    hint: hint`${run('cluster fix')}   # finishes them; then the same command again`,
  });
}

/** A node that has thrown out keys before is a cache that is full, and does so all the time. */
function rejectEvictions(before: Ends, after: Ends): void {
  if (before.to.evictedKeys > 0 || after.to.evictedKeys === 0) return;
  throw new StackError('DATA_AT_RISK', {
    message: `${after.to.name} has no room: it has thrown out ${after.to.evictedKeys} keys, and no more slots are moved to it`,
    hint: hint`Raise redis.maxmemory and redis.memory in the YAML file, run up, then: ${run('cluster fix')}`,
  });
}
