import { rangesOf, type SlotMove } from '../../cluster/slots/slot-move.ts';
import { formatRange } from '../../cluster/slots/slots.ts';
import type { PlannedMoves } from '../../stack/commands/cluster/carry-out-moves.ts';
import type { Invocation } from '../core/command.ts';
import { painter } from '../core/terminal.ts';

export interface MovesShown {
  readonly stack: string;
  readonly planned: PlannedMoves;
  readonly simulate: boolean;
}

/** One line a move: `redis-1 → redis-3  1000 slots (0-999)`. */
export function movesText(moves: readonly SlotMove[]): string {
  return moves
    .map(({ from, to, slots }) => `${from} → ${to}  ${countOf(slots.length, 'slot')} (${rangesText(slots)})\n`)
    .join('');
}

/** What came of the plan. The plan itself has been shown on stderr; of a simulation it is the result. */
export function showMoves(
  { terminal, json, endProgress }: Pick<Invocation, 'terminal' | 'json' | 'endProgress'>,
  { stack, planned, simulate }: MovesShown,
): void {
  endProgress();
  const { moves, slots, keys, elapsedMs } = planned;
  const { stdout, env } = terminal;
  if (json) {
    const shown = moves.map((move) => ({ ...move, slots: rangesOf(move.slots).map(formatRange) }));
    const result = { stack, simulated: simulate, moves: shown, slots, keys, elapsedMs: Math.round(elapsedMs) };
    stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  if (simulate) {
    const plannedCount = moves.reduce((sum, move) => sum + move.slots.length, 0);
    stdout.write(`${movesText(moves)}${countOf(plannedCount, 'slot')} would move; nothing was changed\n`);
    return;
  }
  const seconds = elapsedMs / 1000;
  const rate = keys === 0 ? '' : ` (${Math.round(keys / Math.max(seconds, 0.001))} keys a second)`;
  stdout.write(
    `${painter(stdout, env)('green', '✓')} ${countOf(slots, 'slot')} with ${countOf(keys, 'key')} moved in ${seconds.toFixed(2)} s${rate}\n`,
  );
}

/** More than these fill the screen; --json gives all. */
const MOST_RANGES = 8;

function rangesText(slots: readonly number[]): string {
  const ranges = rangesOf(slots).map(formatRange);
  const shown = ranges.slice(0, MOST_RANGES).join(' ');
  return ranges.length > MOST_RANGES ? `${shown} and ${ranges.length - MOST_RANGES} more ranges` : shown;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
