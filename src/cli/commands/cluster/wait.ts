import { countSlots } from '../../../cluster/slots/slots.ts';
import type { Command } from '../../core/command.ts';
import { nodesAsJson } from '../../views/cluster.ts';
import { painter } from '../../core/terminal.ts';

export const clusterWait: Command = {
  name: 'cluster wait',
  summary: 'return when every node agrees on every slot and a write and a read work; else say what is in the way',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { waitForCluster } = await import('../../../stack/commands/cluster/wait.ts');
    const start = performance.now();
    const views = await waitForCluster(session);
    const elapsedMs = Math.round(performance.now() - start);
    if (json) {
      const result = { stack: session.spec.name, elapsedMs, nodes: nodesAsJson(session, views) };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const slots = countSlots(views.flatMap(({ table: { myself } }) => myself.slots));
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(
      `${mark} ${session.spec.name}: ${views.length} nodes agree on ${slots} slots, a write and a read work (${(elapsedMs / 1000).toFixed(2)} s)\n`,
    );
    return 0;
  },
};
