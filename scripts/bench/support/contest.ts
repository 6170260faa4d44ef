import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from './context.ts';

/** One measurement, in milliseconds. What it needs first and leaves behind is done outside of the time that it gives. */
export type Run = () => Promise<number>;

/** The engine tears down namespaces and proxies for a moment after a removal has returned. */
const SETTLE_MS = 250;

/** How the contenders take turns. */
export interface Turns {
  readonly counted?: number;
  readonly warmUp?: boolean;
}

/** @returns a contender's times, one a round: those of one index belong together. */
export function sideBySide<Name extends string>(
  bench: Bench,
  title: string,
  contenders: Readonly<Record<Name, Run>>,
  turns: Turns = {},
): Promise<Record<Name, number[]>> {
  return takeTurns(bench, title, contenders, (ms) => `${ms.toFixed(0)} ms`, turns);
}

/**
 * Runs the contenders in turn, A B A B, so that a machine that gets slower or faster does so for all of them. The first
 * round warms up and isn't counted.
 *
 * @param text says in a line what came out
 * @returns a contender's results, one a round: those of one index belong together.
 */
export async function takeTurns<Name extends string, Result>(
  { note, signal, rounds }: Bench,
  title: string,
  contenders: Readonly<Record<Name, () => Promise<Result>>>,
  text: (result: Result) => string,
  { counted = rounds, warmUp = true }: Turns = {},
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contenders) as Name[];
  const results = Object.fromEntries(names.map((name): [string, Result[]] => [name, []])) as Record<Name, Result[]>;
  for (let round = warmUp ? 0 : 1; round <= counted; round += 1) {
    for (const name of names) {
      signal.throwIfAborted();
      const result = await contenders[name]();
      note(`${title}, ${round === 0 ? 'warm-up' : `round ${round}/${counted}`}: ${name} ${text(result)}`);
      if (round > 0) results[name].push(result);
      await pause(SETTLE_MS);
    }
  }
  return results;
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
