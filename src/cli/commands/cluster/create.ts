import { countSlots } from '../../../cluster/slots/slots.ts';
import { StackError } from '../../../errors.ts';
import type { Command, OptionValues } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';
import { nodesAsJson } from '../../views/cluster.ts';

export const clusterCreate: Command = {
  name: 'cluster create',
  changes: true,
  summary: 'make one cluster of running nodes that are alone and hold nothing (up does it by itself)',
  options: [{ flags: '--replicas <count>', summary: 'of each primary (default: redis.replicas of the YAML file)' }],
  run: async ({ openSession, options, endProgress, terminal, json }) => {
    const replicas = parseCount(options['replicas']);
    const session = await openSession();
    const { createCluster } = await import('../../../stack/commands/cluster/create.ts');
    const start = performance.now();
    const views = await createCluster(session, replicas);
    const elapsedMs = Math.round(performance.now() - start);
    endProgress();
    const { spec } = session;
    if (json) {
      const result = { stack: spec.name, elapsedMs, nodes: nodesAsJson(session, views) };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
    const slots = countSlots(primaries.flatMap(({ table: { myself } }) => myself.slots));
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(
      `${mark} ${spec.name}: ${primaries.length} primaries, ${views.length - primaries.length} replicas, cluster_state:ok, ${slots} slots, in ${(elapsedMs / 1000).toFixed(2)} s\n`,
    );
    if (replicas !== undefined && replicas !== spec.redis.replicas) {
      terminal.stdout.write(
        `  The YAML file says redis.replicas: ${spec.redis.replicas}. Write ${replicas} there, or up and status find fault with this cluster.\n`,
      );
    }
    return 0;
  },
};

function parseCount(value: OptionValues[string]): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{1,4}$/.test(value)) return Number(value);
  throw new StackError('USAGE', {
    message: `--replicas ${String(value)} is not a number of replicas`,
    hint: 'npx tsx manage.ts cluster create --replicas 1',
  });
}
