import type { Command } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';

export const clusterMeet: Command = {
  name: 'cluster meet',
  operands: '<node>',
  changes: true,
  summary: 'introduce a node of the YAML file to the others, and wait until all know it',
  run: async ({ openSession, operands: [newcomer = ''], endProgress, terminal, json }) => {
    const session = await openSession();
    const { meet } = await import('../../../stack/commands/cluster/membership.ts');
    const start = performance.now();
    const { node, introducedTo } = await meet(session, newcomer);
    const elapsedMs = Math.round(performance.now() - start);
    endProgress();
    if (json) {
      const result = { stack: session.spec.name, node, introducedTo, elapsedMs };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    if (introducedTo.length === 0) {
      terminal.stdout.write(`${mark} ${node} and the others know each other already: nothing to do\n`);
      return 0;
    }
    terminal.stdout.write(
      `${mark} ${node} and ${introducedTo.join(', ')} know each other, in ${(elapsedMs / 1000).toFixed(2)} s\n`,
    );
    terminal.stdout.write(
      `  Next: npx tsx manage.ts cluster replicate ${node} --of PRIMARY, or up, which follows the YAML file\n`,
    );
    return 0;
  },
};
