import { StackError } from '../../../errors.ts';
import type { Command, OptionValues } from '../../core/command.ts';
import { movesText, showMoves } from '../../views/moves.ts';

const EXAMPLE = 'npx tsx manage.ts cluster reshard --from redis-1 --to redis-3 --slots 1000';

export const clusterReshard: Command = {
  name: 'cluster reshard',
  changes: true,
  summary: 'move slots with their keys to one primary, while clients go on',
  options: [
    { flags: '--from <nodes>', summary: 'whose slots: names with commas between them, or all' },
    { flags: '--to <node>', summary: 'who gets them' },
    { flags: '--slots <count>', summary: 'how many, of all sources together in proportion to what they own' },
    { flags: '--simulate', summary: 'only show which slots would move' },
  ],
  run: async ({ openSession, options, ...invocation }) => {
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
      onPlan: (moves) => {
        if (!simulate) invocation.terminal.stderr.write(movesText(moves));
      },
    });
    showMoves(invocation, { stack: session.spec.name, planned, simulate });
    return 0;
  },
};

function required(options: OptionValues, name: 'from' | 'to' | 'slots'): string {
  const value = options[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new StackError('USAGE', { message: `--${name} is missing`, hint: EXAMPLE });
}

/** Digits only: Number would take 1e3, 0x10 and nothing at all. */
function parseCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new StackError('USAGE', { message: `--slots takes a whole number of slots, not '${text}'`, hint: EXAMPLE });
}
