import { isReachable } from '../../../cluster/nodes/view.ts';
import type { Command } from '../../core/command.ts';
import { nodesAsJson } from '../../views/cluster.ts';
import { formatBytes, table } from '../../views/table.ts';

export const clusterInfo: Command = {
  name: 'cluster info',
  summary: 'what every node says of the cluster: CLUSTER INFO of all, side by side',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { readNodes } = await import('../../../stack/observe/observe-nodes.ts');
    const nodes = await readNodes(session);
    const views = nodes.map(({ view }) => view);
    if (json) {
      const result = { stack: session.spec.name, nodes: nodesAsJson(session, views.filter(isReachable)) };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    } else {
      const rows = views.map((view) => {
        if (!isReachable(view)) return [view.name, view.reason];
        const { info, keyCount, usedMemoryBytes } = view;
        const counts = [info.slotsAssigned, info.slotsOk, info.knownNodes, info.size, info.currentEpoch, info.ownEpoch];
        return [view.name, info.state, ...counts.map(String), String(keyCount), formatBytes(usedMemoryBytes)];
      });
      const head = [
        'node',
        'state',
        'assigned',
        'ok',
        'known nodes',
        'primaries',
        'epoch',
        'own epoch',
        'keys',
        'memory',
      ];
      terminal.stdout.write(`${await table(head, rows)}\n`);
    }
    return views.every(isReachable) ? 0 : 1;
  },
};
