import { countSlots } from '../../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../../cluster/nodes/view.ts';
import type { Command } from '../../core/command.ts';
import { nodesAsJson } from '../../views/cluster.ts';
import { formatBytes, table } from '../../views/table.ts';

export const clusterNodes: Command = {
  name: 'cluster nodes',
  summary: 'who is in the cluster: role, replicas, slots, keys, memory, links, ids',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { readNodes } = await import('../../../stack/observe/observe-nodes.ts');
    const nodes = await readNodes(session);
    const views = nodes.map(({ view }) => view);
    const reachable = views.filter(isReachable);
    if (json) {
      const result = { stack: session.spec.name, nodes: nodesAsJson(session, reachable) };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return views.every(isReachable) ? 0 : 1;
    }
    const nameOf = (id: string | undefined): string =>
      reachable.find(({ table: { myself } }) => myself.id === id)?.name ?? id ?? '';
    const rows = views.map((view) => {
      if (!isReachable(view)) return [view.name, view.reason];
      const { myself, rows: known } = view.table;
      const replicas = reachable
        .filter(({ table: other }) => other.myself.primaryId === myself.id)
        .map(({ name }) => name);
      const links = known.filter(({ id }) => id !== myself.id);
      return [
        view.name,
        myself.role === 'primary' ? 'primary' : `replica of ${nameOf(myself.primaryId)}`,
        String(countSlots(myself.slots)),
        replicas.join(' '),
        String(view.keyCount),
        formatBytes(view.usedMemoryBytes),
        `${links.filter(({ connected }) => connected).length}/${links.length}`,
        String(myself.configEpoch),
        `${myself.ip}:${myself.port}@${myself.busPort}`,
        myself.id,
      ];
    });
    const head = ['node', 'role', 'slots', 'replicas', 'keys', 'memory', 'links', 'epoch', 'address', 'id'];
    terminal.stdout.write(`${await table(head, rows)}\n`);
    if (views.every(isReachable)) for (const line of strangers(reachable)) terminal.stdout.write(`${line}\n`);
    return views.every(isReachable) ? 0 : 1;
  },
};

/** Nodes that somebody knows and that are none of the YAML file's. */
function strangers(views: readonly ReachableView[]): string[] {
  const own = new Set(views.map(({ table: { myself } }) => myself.id));
  return views.flatMap(({ name, table: { rows } }) =>
    rows
      .filter(({ id }) => !own.has(id))
      .map(
        ({ id, ip, port, flags }) =>
          `${name} also knows ${id} at ${ip || 'no address'}:${port} (${[...flags].join(',')})`,
      ),
  );
}
