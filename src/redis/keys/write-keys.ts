import type { Bounds } from '../../bounds.ts';
import { keySlot } from '../../cluster/keys/key-slot.ts';
import { parseInfo } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { NodeLink, RedisCommand } from '../node-link.ts';
import { Refusal } from '../connect-node.ts';
import { hint, run } from '../../hint.ts';
import { poll } from '../../poll.ts';
import type { Entry } from './read-keys.ts';
import { durationText } from '../../units.ts';
import { SLOT_COUNT } from '../../cluster/slots/slots.ts';

interface Writer {
  /** @returns the entries whose keys were there already */
  readonly write: (entries: readonly Entry[]) => Promise<readonly Entry[]>;
}

export interface WriterOptions extends Bounds {
  /** Keys of the same name are overwritten; otherwise they are kept. */
  readonly replace: boolean;
}

/** Puts keys where they belong. A slot that is on the move is waited for, and its keys follow it. */
export async function openWriter(
  links: readonly NodeLink[],
  { replace, signal, timeoutMs }: WriterOptions,
): Promise<Writer> {
  let ownerOf = await observeOwners(links);
  const evictedBefore = new Map(
    await Promise.all(links.map(async (link) => [link, await countEvicted(link)] as const)),
  );

  /** Those to be sent again, and those that were there already. */
  const send = async (link: NodeLink, entries: readonly Entry[]): Promise<{ again: Entry[]; kept: Entry[] }> => {
    const replies = await link.sendAll([...entries.map((entry) => restoreCommand(entry, replace)), ['INFO', 'stats']]);
    const codes = replies
      .slice(0, -1)
      .map((reply) => (reply instanceof Refusal ? refusalCode(reply, link) : undefined));
    if (evictedIn(replies.at(-1)) > (evictedBefore.get(link) ?? 0)) throw full(link, 'it evicts keys to make room');
    return {
      again: entries.filter((_entry, index) => codes[index] === 'again'),
      kept: entries.filter((_entry, index) => codes[index] === 'kept'),
    };
  };

  const write = async (entries: readonly Entry[]): Promise<readonly Entry[]> => {
    const kept: Entry[] = [];
    let pending = entries;
    const sendPending = async (): Promise<readonly Entry[]> => {
      if (pending !== entries) ownerOf = await observeOwners(links);
      const { groups, homeless } = groupByOwner(pending, ownerOf);
      const sent = await Promise.all([...groups].map(([link, group]) => send(link, group)));
      kept.push(...sent.flatMap((one) => one.kept));
      pending = [...homeless, ...sent.flatMap(({ again }) => again)];
      return pending;
    };
    const onTimeout = (left: readonly Entry[]): StackError => unsettled(left, timeoutMs);
    await poll(sendPending, ({ length }) => length === 0, { signal, timeoutMs, pace: PACE, onTimeout });
    return kept;
  };
  return { write };
}

function groupByOwner(
  entries: readonly Entry[],
  ownerOf: SlotOwners,
): { groups: Map<NodeLink, Entry[]>; homeless: Entry[] } {
  const groups = new Map<NodeLink, Entry[]>();
  const homeless: Entry[] = [];
  for (const entry of entries) {
    const link = ownerOf(keySlot(entry.key));
    const group = link === undefined ? homeless : groups.get(link);
    if (group !== undefined) group.push(entry);
    else if (link !== undefined) groups.set(link, [entry]);
  }
  return { groups, homeless };
}

/** A slot on the move, or a failover, is over after a few of them. */
const PACE = { min: 50 };

function restoreCommand({ key, payload, expiry }: Entry, replace: boolean): RedisCommand {
  const replacing = replace ? ['REPLACE'] : [];
  if (expiry?.clock === "the cluster's") return ['RESTORE', key, expiry.atMs, payload, 'ABSTTL', ...replacing];
  // 0 would mean a key that stays for ever.
  const ttlMs = expiry === undefined ? 0 : Math.max(1, expiry.atMs - Date.now());
  return ['RESTORE', key, ttlMs, payload, ...replacing];
}

/** The first word of Redis's errors is their code. */
const PASSING = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'READONLY', 'LOADING', 'MASTERDOWN']);

function refusalCode({ message }: Refusal, link: NodeLink): 'again' | 'kept' {
  const [code = ''] = message.split(' ');
  if (code === 'BUSYKEY') return 'kept';
  if (PASSING.has(code)) return 'again';
  if (code === 'OOM') throw full(link, 'it takes no more keys');
  throw new StackError('REDIS_REFUSED', {
    message: `${link.name} refused a key: ${message}`,
    hint: 'A Redis reads values of its own version and of older ones: redis.image in the YAML file says which one runs here.',
  });
}

function full(link: NodeLink, what: string): StackError {
  return new StackError('DATA_AT_RISK', {
    message: `${link.name} has no memory for all keys: ${what}; the copy was stopped, and what it copied is kept`,
    hint: 'Raise redis.maxmemory and redis.memory in the YAML file, run up, then run the same command again with --replace.',
  });
}

const SHOWN_SLOTS = 20;

function unsettled(pending: readonly Entry[], timeoutMs: number): StackError {
  const slots = [...new Set(pending.map(({ key }) => keySlot(key)))];
  return new StackError('WAIT_TIMEOUT', {
    message: `after ${durationText(timeoutMs)} no node takes keys of the slots ${slots.slice(0, SHOWN_SLOTS).join(', ')}`,
    hint: hint`${run('cluster wait')}   # then run the same command again with --replace`,
  });
}

async function countEvicted(link: NodeLink): Promise<number> {
  const [reply] = await link.sendAll([['INFO', 'stats']]);
  return evictedIn(reply);
}

function evictedIn(info: unknown): number {
  return Number(parseInfo(String(info)).get('evicted_keys') ?? 0);
}

/** Which node owns a slot; undefined where none that answers says so of itself. */
type SlotOwners = (slot: number) => NodeLink | undefined;

/** What each node says of itself right now: of two that claim a slot, the one with the higher epoch is believed. */
export async function observeOwners(links: readonly NodeLink[]): Promise<SlotOwners> {
  const owners = Array.from<NodeLink | undefined>({ length: SLOT_COUNT });
  const epochs = Array.from<number>({ length: SLOT_COUNT }).fill(-1);
  const views = await Promise.all(links.map(async (link) => ({ link, view: await link.observe() })));
  for (const { link, view } of views) {
    if (!view.reachable || view.table.myself.role !== 'primary') continue;
    const { configEpoch, slots } = view.table.myself;
    for (const { start, end } of slots) {
      for (let slot = start; slot <= end; slot += 1) {
        if (configEpoch <= (epochs[slot] ?? 0)) continue;
        owners[slot] = link;
        epochs[slot] = configEpoch;
      }
    }
  }
  return (slot) => owners[slot];
}
