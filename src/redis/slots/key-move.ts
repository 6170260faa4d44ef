import { keySlot } from '../../cluster/keys/key-slot.ts';
import { largeKeyFinder, type OnLarge } from './large-keys.ts';
import { newPace, type Pace } from './pace.ts';
import type { Peer } from './route.ts';
import { StackError } from '../../errors.ts';
import type { RedisCommand } from '../node-link.ts';
import { configValue } from '../persistence.ts';
import { Refusal } from '../connect-node.ts';
import { hint, run } from '../../hint.ts';
import { isSameValue } from '../keys/same-value.ts';

interface MovedKeys {
  readonly moved: number;
  /** Keys that are on both sides with different values, and were left so. */
  readonly conflicts: readonly KeyInSlot[];
}

export interface KeyInSlot {
  readonly slot: number;
  readonly key: Buffer;
}

interface MoveKeysOptions {
  /** Overwrite what the target has under the same name. */
  readonly replace: boolean;
  /**
   * Don't take the source's copy over one with the same value, but count it as a conflict. Where clients use the target's
   * copy, as that of the slot's owner, what they write between the comparison and the move would be lost.
   */
  readonly leavesSame?: boolean;
  /** Awaited before a large key goes over, alone. */
  readonly onLarge: OnLarge;
  /** Of earlier moves from the same source. */
  readonly pace?: Pace;
  readonly onMoved?: (keys: number) => void;
}

/**
 * Moves every key of `slots` from one node to another, until the first has none of them but those that can't be moved.
 * The slots must be open on the source (MIGRATING, or IMPORTING where it doesn't own them), and importing, or owned, on
 * the target. A key whose copy on the target has the same value, as an interrupted MIGRATE leaves it, is no conflict.
 *
 * @throws StackError REDIS_REFUSED with Redis's words, NODE_DISCONNECTED
 */
export async function moveKeys(
  source: Peer,
  target: Peer,
  slots: readonly number[],
  { replace, leavesSame = false, onLarge, pace = newPace(), onMoved = () => undefined }: MoveKeysOptions,
): Promise<MovedKeys> {
  const migration = {
    source,
    target: { ...target, port: await migrationPort(target) },
    leavesSame,
    auth: ['AUTH2', 'default', (await target.link.takenPassword()).reveal()],
  };
  const findLarge = await largeKeyFinder(source.link);
  const conflicts: KeyInSlot[] = [];
  let moved = 0;
  let left = slots;
  while (left.length > 0) {
    const listed = withoutConflicts(await listKeys(source, left), conflicts);
    for (let rest = listed; rest.length > 0;) {
      const [chunk, later] = cut(rest, pace.keys());
      rest = later;
      const known = conflicts.length;
      for (const large of await findLarge(chunk.flatMap(({ keys }) => keys))) {
        await onLarge(source.link.name, large);
        const slot = keySlot(large.key);
        if (!(await migrateAlone(migration, slot, large.key, replace))) conflicts.push({ slot, key: large.key });
      }
      const others = withoutConflicts(chunk, conflicts);
      const failed = await pace.timed(() => migrate(migration, others, replace), countKeys(chunk));
      for (const { slot, keys } of failed) {
        for (const key of keys) if (!(await migrateAlone(migration, slot, key, replace))) conflicts.push({ slot, key });
      }
      const count = countKeys(chunk) - (conflicts.length - known);
      moved += count;
      onMoved(count);
    }
    left = listed.map(({ slot }) => slot);
  }
  return { moved, conflicts };
}

interface KeysOfSlot {
  readonly slot: number;
  readonly keys: readonly Buffer[];
}

/** As many of a slot at a time; a slot with more is listed again. */
const KEYS_A_LISTING = 2048;

/** Only slots that have keys. */
async function listKeys({ link }: Peer, slots: readonly number[]): Promise<readonly KeysOfSlot[]> {
  const replies = await link.sendAll(
    slots.map((slot): RedisCommand => ['CLUSTER', 'GETKEYSINSLOT', slot, KEYS_A_LISTING]),
  );
  return replies.flatMap((reply, index) => {
    const slot = slots[index];
    if (slot === undefined || !Array.isArray(reply)) throw refused(link.name, 'CLUSTER GETKEYSINSLOT', reply);
    const keys = reply.filter((key) => Buffer.isBuffer(key));
    return keys.length === 0 ? [] : [{ slot, keys }];
  });
}

function withoutConflicts(listed: readonly KeysOfSlot[], conflicts: readonly KeyInSlot[]): readonly KeysOfSlot[] {
  if (conflicts.length === 0) return listed;
  const known = new Set(conflicts.map(({ key }) => key.toString('latin1')));
  return listed
    .map(({ slot, keys }) => ({ slot, keys: keys.filter((key) => !known.has(key.toString('latin1'))) }))
    .filter(({ keys }) => keys.length > 0);
}

function countKeys(groups: readonly KeysOfSlot[]): number {
  return groups.reduce((sum, { keys }) => sum + keys.length, 0);
}

/**
 * At most the first `count` keys, and the rest. Keys of one slot go together where they can: a command for several of
 * them is refused (TRYAGAIN) as long as they are on two nodes.
 */
function cut(groups: readonly KeysOfSlot[], count: number): [readonly KeysOfSlot[], readonly KeysOfSlot[]] {
  let sum = 0;
  const end = groups.findIndex(({ keys }) => (sum += keys.length) > count);
  if (end !== 0) return end === -1 ? [groups, []] : [groups.slice(0, end), groups.slice(end)];
  const [first, ...later] = groups;
  if (first === undefined) return [[], []];
  const { slot, keys } = first;
  return [[{ slot, keys: keys.slice(0, count) }], [{ slot, keys: keys.slice(count) }, ...later]];
}

/** With an encrypted bus MIGRATE speaks TLS, and a client of the plain port isn't told where. */
async function migrationPort({ link, port }: Peer): Promise<number> {
  const settings = ['tls-cluster', 'cluster-announce-tls-port', 'tls-port'];
  const [isTls, announced, own] = await Promise.all(settings.map((name) => configValue(link, name)));
  return isTls === 'yes' ? Number(announced) || Number(own) : port;
}

interface Migration {
  readonly source: Peer;
  readonly target: Peer;
  readonly leavesSame: boolean;
  readonly auth: readonly string[];
}

/**
 * For how long the source may wait for the target in the middle of one MIGRATE; it serves nobody meanwhile. Restoring a
 * list of 50 MB takes the target a good part of a second.
 */
const MIGRATE_TIMEOUT_MS = 10_000;
/** For a key that had its turn with others and failed: it may be larger than anybody thought. */
const ALONE_TIMEOUT_MS = 60_000;

/** @returns the slots of which not all keys went over */
async function migrate(
  migration: Migration,
  groups: readonly KeysOfSlot[],
  replace: boolean,
): Promise<readonly KeysOfSlot[]> {
  const { link } = migration.source;
  // One command a slot: keys of two slots in one would be refused as CROSSSLOT.
  const replies = await link.sendAll(groups.map(({ keys }) => migrateCommand(migration, keys, replace)));
  return groups.filter((_, index) => replies[index] instanceof Refusal);
}

/** @returns whether the key is gone from the source, with its value on the target */
async function migrateAlone(migration: Migration, slot: number, key: Buffer, replace: boolean): Promise<boolean> {
  const { source, target, leavesSame } = migration;
  const [reply] = await source.link.sendAll([migrateCommand(migration, [key], replace, ALONE_TIMEOUT_MS)]);
  if (!(reply instanceof Refusal)) return true;
  if (!reply.message.includes('BUSYKEY')) throw refused(source.link.name, `MIGRATE of a key in slot ${slot}`, reply);
  if (leavesSame || !(await isSameValue(source.link, target.link, key))) return false;
  const [again] = await source.link.sendAll([migrateCommand(migration, [key], true, ALONE_TIMEOUT_MS)]);
  if (again instanceof Refusal) throw refused(source.link.name, `MIGRATE of a key in slot ${slot}`, again);
  return true;
}

/** A key that is gone by now, expired or deleted, is no failure to Redis. */
function migrateCommand(
  { target, auth }: Migration,
  keys: readonly Buffer[],
  replace: boolean,
  timeoutMs = MIGRATE_TIMEOUT_MS,
): RedisCommand {
  const options = [...(replace ? ['REPLACE'] : []), ...auth, 'KEYS', ...keys];
  return ['MIGRATE', target.ip, target.port, '', 0, timeoutMs, ...options];
}

function refused(node: string, what: string, reply: unknown): StackError {
  return new StackError('REDIS_REFUSED', {
    message: `${node} refused ${what}: ${reply instanceof Refusal ? reply.message : 'an unexpected reply'}`,
    hint: hint`${run('cluster fix')}   # finishes what is half moved; for OOM raise redis.maxmemory first`,
  });
}
