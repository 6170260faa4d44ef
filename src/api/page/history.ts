import type { LiveState } from '../inspection/live-state.ts';

const HISTORY_SECONDS = 60;
/** Where nothing was heard for longer, a line has a gap. */
const GAP_MS = 3500;

export interface Sample {
  readonly at: number;
  /** undefined while the node didn't answer. */
  readonly opsPerSecond: number | undefined;
}

/** Node → what was heard of it in the last minute, oldest first. */
export type History = ReadonlyMap<string, readonly Sample[]>;

interface Point {
  readonly x: number;
  readonly y: number;
}

export function withState(history: History, { at, nodes }: Pick<LiveState, 'at' | 'nodes'>): History {
  return new Map(
    nodes.map(({ name, figures }) => {
      const before = (history.get(name) ?? []).filter((old) => old.at < at && old.at >= at - HISTORY_SECONDS * 1000);
      return [name, [...before, { at, opsPerSecond: figures?.opsPerSecond }]];
    }),
  );
}

/** The most that any node did, so that all nodes' lines can be drawn to one scale. */
export function peakOf(history: History): number {
  return Math.max(0, ...[...history.values()].flat().map(({ opsPerSecond }) => opsPerSecond ?? 0));
}

/** Lines in a square of 1 by 1, the newest at the right, the peak at the top (y is 0 there). Gaps stay gaps. */
export function linesOf(samples: readonly Sample[], now: number, peak: number): Point[][] {
  const lines: Point[][] = [];
  let lastAt = Number.NEGATIVE_INFINITY;
  for (const { at, opsPerSecond } of samples) {
    if (opsPerSecond === undefined) {
      lastAt = Number.NEGATIVE_INFINITY;
      continue;
    }
    const point = { x: 1 - (now - at) / (HISTORY_SECONDS * 1000), y: 1 - opsPerSecond / Math.max(peak, 1) };
    const line = lines.at(-1);
    if (line === undefined || at - lastAt > GAP_MS) lines.push([point]);
    else line.push(point);
    lastAt = at;
  }
  return lines;
}
