import type { SlotMove } from '../../cluster/slots/slots.ts';
import type { OnMoved } from '../../redis/slots/route.ts';
import { durationText } from '../../units.ts';
import type { Session } from '../session/session.ts';

/** Reports how far moves are, and adds up what they moved. */
export function trackProgress(
  { report }: Session,
  moves: readonly SlotMove[],
): { add: OnMoved; total: () => { slots: number; keys: number } } {
  const all = moves.reduce((sum, { slots }) => sum + slots.length, 0);
  const start = performance.now();
  let [slots, keys] = [0, 0];
  const add: OnMoved = (moved) => {
    slots += moved.slots;
    keys += moved.keys;
    const text = progressText({ slots, all, keys, elapsedMs: performance.now() - start });
    report({ subject: 'slots', state: slots === all ? 'done' : 'running', text });
  };
  return { add, total: () => ({ slots, keys }) };
}

/** `███████─────── 1200 of 5461 slots, 23456 keys, 61000 keys a second, 2s left`: a pure function of the counts. */
export function progressText(counts: { slots: number; all: number; keys: number; elapsedMs: number }): string {
  const { slots, all, keys, elapsedMs } = counts;
  const width = 20;
  const filled = Math.floor((slots / all) * width);
  const bar = `${'█'.repeat(filled)}${'─'.repeat(width - filled)}`;
  const rate = Math.round(keys / Math.max(elapsedMs / 1000, 0.001));
  const leftMs = (elapsedMs / slots) * (all - slots);
  const left = slots === all || slots === 0 ? '' : `, ${durationText(Math.ceil(leftMs / 1000) * 1000)} left`;
  return `${bar} ${slots} of ${all} slots, ${keys} keys, ${rate} keys a second${left}`;
}
