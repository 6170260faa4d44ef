import type { Command } from '../core/command.ts';
import { nodesAsJson } from '../views/cluster.ts';
import { painter } from '../core/terminal.ts';

export const restart: Command = {
  name: 'restart',
  operands: '[nodes...]',
  changes: true,
  summary: 'restart the named nodes, or all, and wait for the cluster; every key stays',
  options: [{ flags: '--rolling', summary: 'one at a time; a primary hands over to a replica first' }],
  run: async ({ openSession, operands, options, terminal, json, endProgress }) => {
    const session = await openSession();
    const { restart: restartNodes } = await import('../../stack/commands/restart.ts');
    const start = performance.now();
    const views = await restartNodes(session, operands, { isRolling: options['rolling'] === true });
    const elapsedMs = Math.round(performance.now() - start);
    endProgress();
    if (json) {
      const result = { stack: session.spec.name, elapsedMs, nodes: nodesAsJson(session, views) };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const paint = painter(terminal.stdout, terminal.env);
    const what = operands.length === 0 ? session.spec.name : operands.join(', ');
    terminal.stdout.write(
      `${paint('green', '✓')} ${what} restarted, cluster_state:ok, in ${(elapsedMs / 1000).toFixed(2)} s\n`,
    );
    return 0;
  },
};
