import type { SlotMove } from '../../cluster/slots/slots.ts';
import type { Copied, OnCopied, OnMoved } from '../../redis/slots/route.ts';
import { bytesText, durationText } from '../../units.ts';
import type { Session } from '../session/session.ts';

/** Reports how far moves are, and adds up what they moved. */
export function trackProgress(
  { report }: Session,
  moves: readonly SlotMove[],
): { add: OnMoved; copied: OnCopied; total: () => { slots: number; keys: number } } {
  const all = moves.reduce((sum, { slots }) => sum + slots.length, 0);
  const start = performance.now();
  let [slots, keys] = [0, 0];
  const copies = new Map<readonly number[], Copied>();
  const tell = (): void => {
    const text = progressText({ slots, all, keys, elapsedMs: performance.now() - start, copies });
    report({ subject: 'slots', state: slots === all ? 'done' : 'running', text });
  };
  const add: OnMoved = (moved) => {
    slots += moved.slots;
    keys += moved.keys;
    tell();
  };
  const copied: OnCopied = (ofMove, copy) => {
    copies.set(ofMove, copy);
    tell();
  };
  return { add, copied, total: () => ({ slots, keys }) };
}

interface Counts {
  readonly slots: number;
  readonly all: number;
  readonly keys: number;
  readonly elapsedMs: number;
  /** By the slots of each move that has begun. */
  readonly copies?: ReadonlyMap<readonly number[], Copied>;
}

/**
 * `███████─────── 1200 of 5461 slots, 23456 keys, 61000 keys a second, 2s left`, or where servers move slots by themselves
 * `███████─────── 0 of 5461 slots, 0.4 GB of about 1.1 GB copied`: a pure function of the counts.
 */
export function progressText({ slots, all, keys, elapsedMs, copies = new Map() }: Counts): string {
  const sum = (count: (copy: Copied, ofMove: readonly number[]) => number): number =>
    [...copies].reduce((total, [ofMove, copy]) => total + count(copy, ofMove), 0);
  const isCopying = copies.size > 0 && slots < all;
  const arriving = sum(({ bytes, ofBytes }, ofMove) => ofMove.length * Math.min(bytes / Math.max(ofBytes, 1), 1));
  const width = 20;
  const filled = Math.floor((Math.max(slots, isCopying ? arriving : 0) / all) * width);
  const bar = `${'█'.repeat(filled)}${'─'.repeat(width - filled)} ${slots} of ${all} slots`;
  if (isCopying)
    return `${bar}, ${bytesText(sum(({ bytes }) => bytes))} of about ${bytesText(sum(({ ofBytes }) => ofBytes))} copied`;
  const rate = Math.round(keys / Math.max(elapsedMs / 1000, 0.001));
  const leftMs = (elapsedMs / slots) * (all - slots);
  const left = slots === all || slots === 0 ? '' : `, ${durationText(Math.ceil(leftMs / 1000) * 1000)} left`;
  return `${bar}, ${keys} keys, ${rate} keys a second${left}`;
}
