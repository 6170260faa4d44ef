import type { Finding } from '../../../cluster/findings/finding.ts';
import { countSlots } from '../../../cluster/slots/slots.ts';
import { isReachable, type NodeView } from '../../../cluster/nodes/view.ts';
import type { Command } from '../../core/command.ts';
import { painter, type Paint } from '../../core/terminal.ts';
import { nodesAsJson } from '../../views/cluster.ts';
import { formatBytes, table } from '../../views/table.ts';

export const clusterCheck: Command = {
  name: 'cluster check',
  summary: 'everything that is wrong with the cluster, and the command that mends it',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { checkCluster } = await import('../../../stack/commands/cluster/check.ts');
    const { nodes, findings } = await checkCluster(session);
    const views = nodes.map(({ view }) => view);
    const exitCode = findings.length === 0 ? 0 : 1;
    const stack = session.spec.name;
    if (json) {
      const shown = nodesAsJson(session, views.filter(isReachable));
      const result = { stack, ok: findings.length === 0, findings, nodes: shown };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return exitCode;
    }
    const paint = painter(terminal.stdout, terminal.env);
    terminal.stdout.write(`${await nodesTable(views)}\n\n`);
    if (findings.length === 0) {
      terminal.stdout.write(`${paint('green', '✓')} ${stack}: ${views.length} nodes, no findings\n`);
    }
    for (const finding of findings) terminal.stdout.write(findingText(finding, paint));
    return exitCode;
  },
};

export function findingText({ text, mend }: Finding, paint: Paint): string {
  return `${paint('red', '✗')} ${text}\n  → npx tsx manage.ts ${mend}\n`;
}

async function nodesTable(views: readonly NodeView[]): Promise<string> {
  const reachable = views.filter(isReachable);
  const nameOf = (id: string | undefined): string =>
    reachable.find(({ table: { myself } }) => myself.id === id)?.name ?? id?.slice(0, 8) ?? 'nobody';
  const rows = views.map((view) => {
    if (!isReachable(view)) return [view.name, view.reason];
    const { myself, rows: known } = view.table;
    const links = known.filter(({ id }) => id !== myself.id);
    const replicas = reachable.filter((other) => other.table.myself.primaryId === myself.id).map(({ name }) => name);
    return [
      view.name,
      myself.role === 'primary' ? 'primary' : `replica of ${nameOf(myself.primaryId)}`,
      String(countSlots(myself.slots)),
      String(view.keyCount),
      formatBytes(view.usedMemoryBytes),
      replicas.join(' '),
      `${links.filter(({ connected }) => connected).length}/${links.length}`,
    ];
  });
  return table(['node', 'role', 'slots', 'keys', 'memory', 'replicas', 'links'], rows);
}
