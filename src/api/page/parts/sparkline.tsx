import type { JSX } from 'preact';
import { linesOf, type Sample } from '../history.ts';

interface Props {
  readonly samples: readonly Sample[];
  readonly now: number;
  /** The top of the picture, the same for all nodes, so that they can be compared. */
  readonly peak: number;
}

const WIDTH = 240;
const HEIGHT = 32;

/** The last minute of a node as a line; the number beside it is for those who don't see it. */
export function Sparkline({ samples, now, peak }: Props): JSX.Element {
  const lines = linesOf(samples, now, peak).map((line) =>
    line.map(({ x, y }) => ({ x: round(x * WIDTH), y: round(1.5 + y * (HEIGHT - 3)) })),
  );
  const paths = lines.map((line) => {
    const [first, last] = [line[0]?.x ?? 0, line.at(-1)?.x ?? 0];
    const path = line.map(({ x, y }) => `${x} ${y}`).join('L');
    // A point alone is a line without length, whose round ends are seen.
    return { line: `M${path}${line.length === 1 ? 'h0' : ''}`, area: `M${first} ${HEIGHT}L${path}L${last} ${HEIGHT}z` };
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={paths.map(({ area }) => area).join('')} />
      <path class="line" d={paths.map(({ line }) => line).join('')} />
    </svg>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
