import { createHash } from 'node:crypto';
import { oneAhead } from './batches.ts';
import type { NodeLink } from '../node-link.ts';
import { readKeys, type KeySource } from './read-keys.ts';
import { openWriter, type WriterOptions } from './write-keys.ts';

interface CopyOptions extends WriterOptions {
  /** Told after each batch how many keys were copied so far. */
  readonly onProgress: (copiedCount: number) => void;
}

export interface Copied {
  readonly copiedCount: number;
  /** Keys that the cluster had already, and that were kept. */
  readonly existingCount: number;
  /** The first of them. */
  readonly existing: readonly Buffer[];
  /** Keys that the source deleted, or that expired, before their value was read. */
  readonly vanishedCount: number;
}

const SHOWN_EXISTING = 20;

/**
 * Copies every key of `source`, with its time to live, to the node of `links` that owns its slot. Slots may move in the
 * meantime. The source is only read.
 *
 * @throws StackError DATA_AT_RISK when the cluster has no room for all, REDIS_REFUSED, NODE_DISCONNECTED;
 *   what was copied until then stays
 */
export async function copyKeys(source: KeySource, links: readonly NodeLink[], options: CopyOptions): Promise<Copied> {
  const writer = await openWriter(links, options);
  // SCAN may show a key twice, and the second time it isn't a key that was there before.
  const seen = new DigestSet();
  const existing: Buffer[] = [];
  let [copiedCount, existingCount, vanishedCount] = [0, 0, 0];
  for await (const batch of oneAhead(readKeys(source))) {
    options.signal.throwIfAborted();
    const kept = new Set(await writer.write(batch.entries));
    for (const entry of batch.entries) {
      if (!seen.add(entry.key)) continue;
      if (kept.has(entry)) {
        existingCount += 1;
        if (existing.length < SHOWN_EXISTING) existing.push(entry.key);
      } else copiedCount += 1;
    }
    vanishedCount += batch.vanishedCount;
    options.onProgress(copiedCount);
  }
  return { copiedCount, existingCount, existing, vanishedCount };
}

/** Digests of keys, for counting only: 48 bits of each, in parts because a Set ends at 2^24 members. */
class DigestSet {
  readonly #parts = Array.from({ length: 256 }, () => new Set<number>());

  /** @returns whether it is new */
  add(key: Buffer): boolean {
    const digest = createHash('sha1').update(key).digest();
    const part = this.#parts[digest[6] ?? 0];
    const value = digest.readUIntBE(0, 6);
    if (part?.has(value) === true) return false;
    part?.add(value);
    return true;
  }
}
