import { StackError } from '../../../errors.ts';
import type { Command, OptionValues } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';
import { movesText, showMoves } from '../../views/moves.ts';

const EXAMPLE = 'npx tsx manage.ts cluster rebalance --weight redis-1=2,redis-3=0 --threshold 5';
const DEFAULT_THRESHOLD_PERCENT = 2;

export const clusterRebalance: Command = {
  name: 'cluster rebalance',
  changes: true,
  summary: 'move slots with their keys until every primary owns its share',
  options: [
    {
      flags: '--weight <node=weight...>',
      summary: 'shares other than 1, also with commas between them; 0 empties a node',
    },
    {
      flags: '--threshold <percent>',
      summary: 'move nothing while all are off their share by this at most (default: 2)',
    },
    { flags: '--use-empty-primaries', summary: 'also give slots to primaries that own none' },
    { flags: '--simulate', summary: 'only show which slots would move' },
  ],
  run: async ({ openSession, options, ...invocation }) => {
    const { terminal, json } = invocation;
    const weights = parseWeights(options['weight']);
    const thresholdPercent = parseThreshold(options['threshold']);
    const simulate = options['simulate'] === true;
    const session = await openSession();
    const { rebalance } = await import('../../../stack/commands/cluster/rebalance.ts');
    const planned = await rebalance(session, {
      weights,
      thresholdPercent,
      useEmptyPrimaries: options['useEmptyPrimaries'] === true,
      simulate,
      onPlan: (moves) => {
        if (!simulate) terminal.stderr.write(movesText(moves));
      },
    });
    if (planned.moves.length > 0 || json) {
      showMoves(invocation, { stack: session.spec.name, planned, simulate });
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(
      `${mark} ${session.spec.name}: nothing to move, every primary owns its share (threshold ${thresholdPercent}%)\n`,
    );
    return 0;
  },
};

/** `--weight a=1 --weight b=2`, `--weight a=1 b=2` and `--weight a=1,b=2` are the same. */
function parseWeights(value: OptionValues[string]): [node: string, weight: number][] {
  if (value === undefined) return [];
  const texts = Array.isArray(value) ? value.map(String) : [String(value)];
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const [, node, weight] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (node !== undefined && weight !== undefined) return [node, parseNumber('--weight', weight)];
      throw new StackError('USAGE', { message: `--weight takes NODE=NUMBER, not '${text}'`, hint: EXAMPLE });
    });
}

function parseThreshold(value: OptionValues[string]): number {
  return value === undefined ? DEFAULT_THRESHOLD_PERCENT : parseNumber('--threshold', String(value));
}

/** Number alone would take 0x10 and nothing at all. */
function parseNumber(option: string, text: string): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new StackError('USAGE', { message: `${option} takes a number, not '${text}'`, hint: EXAMPLE });
}
