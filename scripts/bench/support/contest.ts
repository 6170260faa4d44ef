import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from './context.ts';

/** One measurement, in milliseconds. What it needs first and leaves behind is done outside of the time that it gives. */
export type Run = () => Promise<number>;

/** The engine tears down namespaces and proxies for a moment after a removal has returned. */
const SETTLE_MS = 250;

/**
 * Runs the contenders in turn, A B A B, so that a machine that gets slower or faster does so for all of them. The first
 * round warms up and isn't counted.
 *
 * @returns a contender's times, one a round: those of one index belong together.
 */
export async function sideBySide<Name extends string>(
  { note, signal, rounds }: Bench,
  title: string,
  contenders: Readonly<Record<Name, Run>>,
  { counted = rounds, warmUp = true }: { counted?: number; warmUp?: boolean } = {},
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name): [string, number[]] => [name, []])) as Record<Name, number[]>;
  for (let round = warmUp ? 0 : 1; round <= counted; round += 1) {
    for (const name of names) {
      signal.throwIfAborted();
      const ms = await contenders[name]();
      note(`${title}, ${round === 0 ? 'warm-up' : `round ${round}/${counted}`}: ${name} ${ms.toFixed(0)} ms`);
      if (round > 0) times[name].push(ms);
      await pause(SETTLE_MS);
    }
  }
  return times;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The median of what `combine` makes of each round's two times. */
export function medianOfPairs(
  ours: readonly number[],
  other: readonly number[],
  combine: (ours: number, other: number) => number,
): number {
  const count = Math.min(ours.length, other.length);
  return median(ours.slice(0, count).map((ms, index) => combine(ms, other[index] ?? Number.NaN)));
}
