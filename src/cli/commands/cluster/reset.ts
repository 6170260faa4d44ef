import { StackError } from '../../../errors.ts';
import type { Command } from '../../core/command.ts';
import { confirm, painter } from '../../core/terminal.ts';

export const clusterReset: Command = {
  name: 'cluster reset',
  operands: '[nodes...]',
  changes: true,
  summary: 'have nodes without slots leave the cluster, and forget it; with --all take an empty cluster apart',
  options: [
    { flags: '--all', summary: 'all nodes, where none has a key; asks first' },
    { flags: '--hard', summary: 'they also get new ids, and begin with epoch 0' },
    { flags: '-y, --yes', summary: 'answer yes to every question' },
  ],
  run: async ({ openSession, operands, options, signal, endProgress, terminal, json }) => {
    const wantsAll = options['all'] === true;
    if (wantsAll === operands.length > 0) {
      throw new StackError('USAGE', {
        message: wantsAll ? '--all goes with no name of a node' : 'no node is named',
        hint: 'npx tsx manage.ts cluster reset NODE, or --all',
      });
    }
    const session = await openSession();
    const { spec } = session;
    const { reset } = await import('../../../stack/commands/cluster/membership.ts');
    const { nodes, unreachable } = await reset(session, wantsAll ? spec.nodes.map(({ name }) => name) : operands, {
      mode: options['hard'] === true ? 'hard' : 'soft',
      confirm: async () =>
        options['yes'] === true ||
        (!json && (await confirm(terminal, `Take the whole cluster of ${spec.name} apart?`, signal))),
    });
    endProgress();
    if (json) {
      terminal.stdout.write(`${JSON.stringify({ stack: spec.name, reset: nodes, unreachable }, null, 2)}\n`);
      return 0;
    }
    const isAll = nodes.length === spec.nodes.length;
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    const own = isAll ? 'cluster create' : `cluster meet ${nodes[0] ?? ''}`;
    terminal.stdout.write(
      `${mark} ${nodes.join(', ')}: alone, without slots and keys\n  Next: npx tsx manage.ts ${own}, or up, which follows the YAML file\n`,
    );
    if (unreachable.length > 0) {
      terminal.stdout.write(
        `  ${unreachable.join(', ')} can't be reached, and may bring them back into the cluster.\n`,
      );
    }
    return 0;
  },
};
