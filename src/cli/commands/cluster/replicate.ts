import { StackError } from '../../../errors.ts';
import type { Command } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';

export const clusterReplicate: Command = {
  name: 'cluster replicate',
  operands: '<node>',
  changes: true,
  summary: 'make a node the replica of a primary, and wait for its copy',
  options: [{ flags: '--of <primary>', summary: 'the primary to follow' }],
  run: async ({ openSession, operands: [follower = ''], options, endProgress, terminal, json }) => {
    const { of: leader } = options;
    if (typeof leader !== 'string') {
      throw new StackError('USAGE', {
        message: 'no primary is named',
        hint: `npx tsx manage.ts cluster replicate ${follower} --of PRIMARY`,
      });
    }
    const session = await openSession();
    const { replicate } = await import('../../../stack/commands/cluster/replicate.ts');
    const start = performance.now();
    const { node, primary, isChanged } = await replicate(session, follower, leader);
    const elapsedMs = Math.round(performance.now() - start);
    endProgress();
    if (json) {
      const result = { stack: session.spec.name, node, primary, changed: isChanged, elapsedMs };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    const text = isChanged
      ? `${node} is a replica of ${primary} and has its copy, in ${(elapsedMs / 1000).toFixed(2)} s`
      : `${node} is a replica of ${primary} already: nothing to do`;
    terminal.stdout.write(`${mark} ${text}\n`);
    return 0;
  },
};
