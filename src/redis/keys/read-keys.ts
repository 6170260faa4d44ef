import { StackError } from '../../errors.ts';
import { groupBySize } from './batches.ts';
import type { NodeLink, RedisCommand } from '../node-link.ts';
import { Refusal } from '../connect-node.ts';

/** A Redis whose keys are read. */
export interface KeySource {
  readonly link: NodeLink;
  /** Sent before each batch of commands: SELECT and READONLY end with a connection, and a lost one is made again. */
  readonly prelude: readonly RedisCommand[];
  /** Its clock is the cluster's own, and it tells when a key expires by it: Redis 7 and later. */
  readonly sharesClock: boolean;
}

export interface Entry {
  readonly key: Buffer;
  /** In DUMP's format. */
  readonly payload: Buffer;
  /** undefined for a key that stays. */
  readonly expiry: Expiry | undefined;
}

interface Expiry {
  readonly atMs: number;
  readonly clock: "this machine's" | "the cluster's";
}

/** What a step through the keys has found. */
interface ReadBatch {
  readonly entries: readonly Entry[];
  /** Keys that were there a moment ago. */
  readonly vanishedCount: number;
}

/** Keys of a step of SCAN, about. */
const SCAN_COUNT = 1000;
/** As much of the values is on its way at a time, about; of a larger one, it alone. */
const BATCH_BYTES = 8 * 1024 ** 2;
/** Where the source doesn't tell what a key takes. */
const ASSUMED_BYTES = 64 * 1024;

/**
 * Every key that is there from the beginning to the end, at least once: SCAN's promise. The source is only read. Batches
 * are bounded by size, so that a source larger than this machine's memory can be read.
 */
export async function* readKeys(source: KeySource): AsyncGenerator<ReadBatch, void> {
  let cursor = '0';
  do {
    const [step] = await ask(source, [['SCAN', cursor, 'COUNT', SCAN_COUNT]]);
    const { next, keys } = scanReply(source.link, step);
    const sizes = await ask(
      source,
      keys.map((key): RedisCommand => ['MEMORY', 'USAGE', key]),
    );
    const sized = keys.map((key, index) => ({ key, bytes: sizeReply(sizes[index]) }));
    for (const group of groupBySize(sized, ({ bytes }) => bytes, BATCH_BYTES)) {
      yield await readValues(
        source,
        group.map(({ key }) => key),
      );
    }
    cursor = next;
  } while (cursor !== '0');
}

async function readValues(source: KeySource, keys: readonly Buffer[]): Promise<ReadBatch> {
  const replies = await ask(
    source,
    keys.flatMap((key): RedisCommand[] => [
      ['DUMP', key],
      [source.sharesClock ? 'PEXPIRETIME' : 'PTTL', key],
    ]),
  );
  const now = Date.now();
  const entries = keys.flatMap((key, index): Entry[] => {
    const payload = valueOf(source.link, replies[index * 2]);
    const time = Number(valueOf(source.link, replies[index * 2 + 1]));
    if (!Buffer.isBuffer(payload) || time === GONE) return [];
    const expiry: Expiry = source.sharesClock
      ? { atMs: time, clock: "the cluster's" }
      : { atMs: now + time, clock: "this machine's" };
    return [{ key, payload, expiry: time === STAYS ? undefined : expiry }];
  });
  return { entries, vanishedCount: keys.length - entries.length };
}

/** What both commands answer where there is no time to live, or no key. */
const STAYS = -1;
const GONE = -2;

/** The replies to `commands`, without those of the prelude. @throws StackError when the prelude is refused */
export async function ask(
  { link, prelude }: KeySource,
  commands: readonly RedisCommand[],
): Promise<readonly unknown[]> {
  if (commands.length === 0) return [];
  const replies = await link.sendAll([...prelude, ...commands]);
  for (const reply of replies.slice(0, prelude.length)) valueOf(link, reply);
  return replies.slice(prelude.length);
}

function valueOf({ name }: NodeLink, reply: unknown): unknown {
  if (!(reply instanceof Refusal)) return reply;
  throw new StackError('SOURCE_UNREACHABLE', {
    message: `the keys of ${name} could not be read: ${reply.message}`,
    hint: 'SELECT, SCAN, DUMP and PTTL are needed there.',
  });
}

function scanReply(link: NodeLink, reply: unknown): { next: string; keys: Buffer[] } {
  const step: unknown = valueOf(link, reply);
  const [next, keys]: readonly unknown[] = Array.isArray(step) ? step : [];
  return { next: String(next), keys: Array.isArray(keys) ? keys.filter((key) => Buffer.isBuffer(key)) : [] };
}

function sizeReply(reply: unknown): number {
  return typeof reply === 'number' ? reply : ASSUMED_BYTES;
}
