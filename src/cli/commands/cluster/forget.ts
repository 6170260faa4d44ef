import type { Command } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';

export const clusterForget: Command = {
  name: 'cluster forget',
  operands: '<id-or-address>',
  changes: true,
  summary: 'have every node forget one that is gone, and that is none of the YAML file',
  run: async ({ openSession, operands: [text = ''], endProgress, terminal, json }) => {
    const session = await openSession();
    const { forget } = await import('../../../stack/commands/cluster/membership.ts');
    const { id, nodes, unreachable } = await forget(session, text);
    endProgress();
    if (json) {
      const result = { stack: session.spec.name, forgotten: id, nodes, unreachable };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(`${mark} ${id} is forgotten by ${nodes.join(', ')}\n`);
    if (unreachable.length > 0) {
      terminal.stdout.write(
        `  ${unreachable.join(', ')} can't be reached, and may bring it back: then forget it once more.\n`,
      );
    }
    return 0;
  },
};
