import { rangesOf, type SlotMove, formatRange } from '../../../cluster/slots/slots.ts';
import { StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import { textOf, wrongValue, type Command, type Invocation, type OptionValues } from '../../core/command.ts';
import type { PlannedMoves } from '../../../stack/commands/cluster/planned-moves.ts';
import type { Outcome } from '../../core/output.ts';
import { countText, durationText } from '../../../units.ts';

const RESHARD_EXAMPLE = run('cluster reshard --from redis-1 --to redis-3 --slots 1000');
const REBALANCE_EXAMPLE = run('cluster rebalance --weight redis-1=2,redis-3=0 --threshold 5');
const DEFAULT_THRESHOLD_PERCENT = 2;

export const clusterReshard: Command = {
  name: 'cluster reshard',
  changes: true,
  summary: 'move slots with their keys to one primary, while clients go on',
  options: {
    '--from <nodes>': 'whose slots: names with commas between them, or all',
    '--to <node>': 'who gets them',
    '--slots <count>': 'how many, of all sources together in proportion to what they own',
    '--simulate': 'only show which slots would move',
  },
  run: async ({ openSession, options, terminal, quiet }) => {
    const names = required(options, 'from').split(',');
    const to = required(options, 'to');
    const count = parseCount(required(options, 'slots'));
    const simulate = options['simulate'] === true;
    const session = await openSession();
    const { reshard } = await import('../../../stack/commands/cluster/reshard.ts');
    const planned = await reshard(session, {
      from: names.length === 1 && names[0] === 'all' ? 'all' : names,
      to,
      count,
      simulate,
      onPlan: announcing(terminal, simulate || quiet),
    });
    return movesOutcome(session.spec.name, planned, simulate);
  },
};

export const clusterRebalance: Command = {
  name: 'cluster rebalance',
  changes: true,
  summary: 'move slots with their keys until every primary owns its share',
  options: {
    '--weight <node=weight...>': 'shares other than 1, also with commas between them; 0 empties a node',
    '--threshold <percent>': 'move nothing while all are off their share by this at most (default: 2)',
    '--use-empty-primaries': 'also give slots to primaries that own none',
    '--simulate': 'only show which slots would move',
  },
  run: async ({ openSession, options, terminal, quiet }) => {
    const weights = parseWeights(options['weight']);
    const thresholdPercent = parseNumber('--threshold', String(options['threshold'] ?? DEFAULT_THRESHOLD_PERCENT));
    const simulate = options['simulate'] === true;
    const session = await openSession();
    const { rebalance } = await import('../../../stack/commands/cluster/rebalance.ts');
    const planned = await rebalance(session, {
      weights,
      thresholdPercent,
      useEmptyPrimaries: options['useEmptyPrimaries'] === true,
      simulate,
      onPlan: announcing(terminal, simulate || quiet),
    });
    const { name } = session.spec;
    const outcome = movesOutcome(name, planned, simulate);
    if (planned.moves.length > 0) return outcome;
    const nothing = `${name}: nothing to move, every primary owns its share (threshold ${thresholdPercent}%)`;
    return { ...outcome, show: ({ good }) => good(nothing) };
  },
};

/** What is going to move is progress, unless it is all that was asked for. */
function announcing({ stderr }: Invocation['terminal'], isSilent: boolean): (moves: readonly SlotMove[]) => void {
  return (moves) => {
    if (!isSilent) stderr.write(movesText(moves));
  };
}

function required(options: OptionValues, name: 'from' | 'to' | 'slots'): string {
  const value = textOf(options, name);
  if (value !== undefined && value !== '') return value;
  throw new StackError('USAGE', { message: `--${name} is missing`, hint: RESHARD_EXAMPLE });
}

/** Digits only: Number would take 1e3, 0x10 and nothing at all. */
function parseCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw wrongValue('--slots', 'a whole number of slots', text, RESHARD_EXAMPLE);
}

/** `--weight a=1 --weight b=2`, `--weight a=1 b=2` and `--weight a=1,b=2` are the same. */
function parseWeights(value: OptionValues[string]): [node: string, weight: number][] {
  if (value === undefined) return [];
  const texts = Array.isArray(value) ? value.map(String) : [String(value)];
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const [, node, weight] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (node !== undefined && weight !== undefined) return [node, parseNumber('--weight', weight)];
      throw wrongValue('--weight', 'NODE=NUMBER', text, REBALANCE_EXAMPLE);
    });
}

/** Number alone would take 0x10 and nothing at all. */
function parseNumber(option: string, text: string): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw wrongValue(option, 'a number', text, REBALANCE_EXAMPLE);
}

/** One line a move: `redis-1 → redis-3  1,000 slots (0-999)`. */
function movesText(moves: readonly SlotMove[]): string {
  return moves
    .map(({ from, to, slots }) => `${from} → ${to}  ${countText(slots.length, 'slot')} (${rangesText(slots)})\n`)
    .join('');
}

/** What came of the plan. The plan itself has been shown on stderr; of a simulation it is the result. */
function movesOutcome(stack: string, planned: PlannedMoves, simulated: boolean): Outcome {
  const { moves, slots, keys, elapsedMs } = planned;
  const shown = moves.map((move) => ({ ...move, slots: rangesOf(move.slots).map(formatRange) }));
  return {
    data: { stack, simulated, moves: shown, slots, keys, elapsedMs: Math.round(elapsedMs) },
    show: ({ good, line }) => {
      if (simulated) {
        const count = moves.reduce((sum, move) => sum + move.slots.length, 0);
        line(`${movesText(moves)}${countText(count, 'slot')} would move; nothing was changed`);
        return;
      }
      const rate =
        keys === 0 ? '' : ` (${countText(Math.round(keys / Math.max(elapsedMs / 1000, 0.001)), 'key')} a second)`;
      good(`${countText(slots, 'slot')} with ${countText(keys, 'key')} moved in ${durationText(elapsedMs)}${rate}`);
    },
  };
}

/** More than these fill the screen; --json gives all. */
const MOST_RANGES = 8;

function rangesText(slots: readonly number[]): string {
  const ranges = rangesOf(slots).map(formatRange);
  const shown = ranges.slice(0, MOST_RANGES).join(' ');
  return ranges.length > MOST_RANGES ? `${shown} and ${ranges.length - MOST_RANGES} more ranges` : shown;
}
