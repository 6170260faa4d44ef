import { redisMigration, type MigrationTask, type SlotMigration } from './migration-tasks.ts';
import { setTimeout } from 'node:timers/promises';
import { rangesOf, slotsOf, countSlots, formatRanges, type SlotRange } from '../../cluster/slots/slots.ts';
import { isReachable, parseInfo } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { poll } from '../../poll.ts';
import type { NodeLink, RedisCommand } from '../node-link.ts';
import { durationText } from '../../units.ts';
import type { ServerName } from '../../plan/model/resources.ts';

interface AtomicMoveOptions {
  readonly signal: AbortSignal;
  /** No limit by default: how long it takes is up to the data, and Redis itself gives up a transfer that stands still. */
  readonly timeoutMs?: number;
  /** By default that of Redis. */
  readonly migration?: SlotMigration;
  /** Told at each look, and waited for. */
  readonly onProgress?: (progress: AtomicMoveProgress) => unknown;
}

interface AtomicMoveProgress {
  /** In Redis's own words: `accumulate-buffer`, `streaming-buffer`, … */
  readonly state: string;
  readonly slotCount: number;
  /** Attempts that failed. */
  readonly retries: number;
}

/** Redis tries a failed import again every second and never stops. A source that is busy, or just restarts, needs that. */
const MOST_RETRIES = 3;
const SHORTEST_POLL_MS = 5;
const LONGEST_POLL_MS = 100;

/** In whose way a node moves slots by itself: Redis 8.4 and later, Valkey 9 and later. Both ends of a move must, in the same. */
export async function atomicMigrationOf(link: NodeLink): Promise<ServerName | undefined> {
  const reply = await link.send('COMMAND', 'INFO', 'cluster|migration', 'cluster|migrateslots');
  const [ofRedis, ofValkey] = (Array.isArray(reply) ? reply : []).map((one) => Array.isArray(one));
  if (ofRedis === true) return 'redis';
  return ofValkey === true ? 'valkey' : undefined;
}

/**
 * Moves slots of one source to `target`, which copies them like a replica would and takes them all over in one moment.
 * Until then they belong to the source, with every key, whatever fails. A move that an earlier run began is waited for
 * and not begun again, and what `target` owns already is left out: it can be called again at any time.
 *
 * Every slot of both nodes must be stable (no MIGRATING, no IMPORTING), and a node takes part in one move at a time. No
 * password is needed: nodes of a cluster know each other by a secret of their own.
 *
 * @throws StackError REDIS_REFUSED, NODE_DISCONNECTED; CLUSTER_UNHEALTHY when it failed more than 3 times; DATA_AT_RISK when `target` holds
 *   keys of those slots; WAIT_TIMEOUT; the signal's reason. In each case the task is cancelled.
 */
export async function moveSlotsAtomically(
  target: NodeLink,
  ranges: readonly SlotRange[],
  options: AtomicMoveOptions,
): Promise<void> {
  const deadline = performance.now() + (options.timeoutMs ?? Infinity);
  const { migration = redisMigration(target) } = options;
  const wanted = new Set(slotsOf(ranges));
  for (;;) {
    options.signal.throwIfAborted();
    const underWay = (await migration.tasks()).find(migration.isUnderWay);
    if (underWay !== undefined) {
      const isOurs = underWay.operation === 'import' && slotsOf(underWay.slots).some((slot) => wanted.has(slot));
      await follow({ ...options, target, migration, id: underWay.id, isOurs, deadline });
      continue;
    }
    const owned = await ownSlots(target);
    const missing = slotsOf(ranges).filter((slot) => !owned.has(slot));
    if (missing.length === 0) return;
    await refuseLeftovers(target, owned, options.signal);
    // One slot ahead: a source that lost all it has to a node that owns nothing else would take it for a failover, and
    // turn into that node's replica.
    const next = owned.size === 0 ? missing.slice(0, 1) : missing;
    const id = await migration.begin(rangesOf(next));
    await follow({ ...options, target, migration, id, isOurs: true, deadline });
  }
}

async function ownSlots(target: NodeLink): Promise<ReadonlySet<number>> {
  const view = await target.observe();
  if (isReachable(view)) return new Set(slotsOf(view.table.myself.slots));
  throw new StackError('NODE_DISCONNECTED', {
    message: `${target.name} does not answer: ${view.reason}`,
    hint: run('status'),
  });
}

/**
 * Before it imports, Redis deletes what the node holds of those slots: perhaps keys that a broken move left there. Keys
 * of a slot that is neither owned nor open are hidden from CLUSTER COUNTKEYSINSLOT and SCAN, but DBSIZE counts them.
 */
async function refuseLeftovers(target: NodeLink, owned: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
  // Copies of a move that was cancelled, or keys that went elsewhere: Redis is deleting them.
  const pace = { min: LONGEST_POLL_MS };
  await poll(
    () => isTrimming(target),
    (isRunning) => !isRunning,
    { signal, timeoutMs: Infinity, pace },
  );
  const counts = [...owned].map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]);
  const replies = await target.sendAll([['MULTI'], ['DBSIZE'], ...counts, ['EXEC']]);
  const result = replies.at(-1);
  if (!Array.isArray(result)) throw failure(target, `its keys can't be counted, EXEC gave ${String(result)}`);
  const [all = 0, ...inSlots] = result.map(Number);
  const hidden = all - inSlots.reduce((sum, count) => sum + count, 0);
  if (hidden === 0) return;
  throw new StackError('DATA_AT_RISK', {
    message: `${target.name} holds ${hidden} keys of slots that it doesn't own: an atomic move of these slots would delete them`,
    hint: run('cluster fix'),
  });
}

async function isTrimming(target: NodeLink): Promise<boolean> {
  const info = parseInfo(String(await target.send('CLUSTER', 'INFO')));
  return (info.get('cluster_slot_migration_active_trim_running') ?? '0') !== '0';
}

interface Followed extends AtomicMoveOptions {
  readonly target: NodeLink;
  readonly migration: SlotMigration;
  readonly id: string;
  /** It moves what is to be moved. Another task is waited for, and never cancelled. */
  readonly isOurs: boolean;
  readonly deadline: number;
}

/** Returns when the task is completed; another's when it is over, however it ended. */
async function follow(followed: Followed): Promise<void> {
  const { target, migration, id, isOurs, deadline, signal, onProgress } = followed;
  let [pollMs, seen, lastError] = [SHORTEST_POLL_MS, '', ''];
  for (;;) {
    const [task] = await migration.tasks(id);
    const tell = async ({ state, slots, retries }: MigrationTask): Promise<unknown> =>
      onProgress?.({ state, slotCount: countSlots(slots), retries });
    if (task?.state === 'completed') {
      // Also one that was quicker than the first look.
      await tell(task);
      return;
    }
    // The next attempt begins with no error, whatever the one before it failed with.
    lastError = task?.lastError || lastError;
    if (task === undefined || !migration.isUnderWay(task)) {
      if (!isOurs) return;
      throw failure(target, task === undefined ? 'it was restarted meanwhile' : lastError);
    }
    if (`${task.state} ${task.retries}` !== seen) {
      seen = `${task.state} ${task.retries}`;
      pollMs = SHORTEST_POLL_MS;
    }
    await tell(task);
    const reason = reasonToStop(followed, task, lastError);
    if (reason !== undefined) {
      if (isOurs && (await cancel(followed)) === 'completed') return;
      throw reason;
    }
    const leftMs = Math.max(deadline - performance.now(), 1);
    // Not `poll`: an abort only ends the sleep, what it means is decided above; and a change of state makes it look often again.
    await setTimeout(Math.min(pollMs, leftMs), undefined, { signal }).catch(() => undefined);
    pollMs = Math.min(pollMs * 1.3, LONGEST_POLL_MS);
  }
}

function reasonToStop(followed: Followed, task: MigrationTask, lastError: string): unknown {
  const { target, migration, id, isOurs, deadline, signal, timeoutMs = 0 } = followed;
  if (signal.aborted) return signal.reason;
  const isFailing = task.retries >= MOST_RETRIES && task.state === 'failed';
  const isLate = performance.now() >= deadline;
  if (!isFailing && !isLate) return undefined;
  const slots = formatRanges(task.slots.slice(0, 5));
  if (!isOurs) {
    return new StackError('CLUSTER_UNHEALTHY', {
      message: `${target.name} is busy with another move, of slots ${slots}: ${lastError || task.state}`,
      hint: hint`${run(`redis-cli ${migration.cancelText(id)}`)}   # gives that one up`,
    });
  }
  if (isFailing) return failure(target, lastError);
  return new StackError('WAIT_TIMEOUT', {
    message: `${target.name} had not taken over slots ${slots} after ${durationText(timeoutMs)}, it was at ${task.state}${lastError && `: ${lastError}`}`,
    hint: STAYED,
  });
}

/** Cancelling takes effect at once, unless the slots changed hands in the meantime. */
async function cancel({ migration, id }: Followed): Promise<string | undefined> {
  await migration.cancel(id);
  return (await migration.tasks(id))[0]?.state;
}

const STAYED = hint`The slots, with every key, stay with the node that had them. ${run('cluster check')}`;

function failure(target: NodeLink, why: string): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${target.name} could not take over slots: ${why}`,
    hint: STAYED,
  });
}
