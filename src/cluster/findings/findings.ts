import { list, seenCluster, type Finding, type SeenCluster } from './finding.ts';
import type { Expectation } from './health.ts';
import { acquaintanceFindings } from './node-findings.ts';
import { roleFindings } from './role-findings.ts';
import { slotFindings } from './slot-findings.ts';
import type { NodeView } from '../nodes/view.ts';

/** Everything that is wrong with the cluster, what matters most first; empty when it is whole and as it is asked for. */
export function findFindings(expected: Expectation, views: readonly NodeView[]): Finding[] {
  const cluster = seenCluster(expected, views);
  const causes = [
    ...absentNodes(views),
    ...slotFindings(cluster),
    ...acquaintanceFindings(cluster),
    ...roleFindings(cluster),
  ];
  return [...clusterStates(cluster, causes), ...causes];
}

function absentNodes(views: readonly NodeView[]): Finding[] {
  return views.flatMap((view): Finding[] => {
    if (view.reachable) return [];
    const mend = view.mend === 'restart' ? (`restart ${view.name}` as const) : 'up';
    return [{ kind: 'no answer', node: view.name, text: `${view.name} does not answer: ${view.reason}`, mend }];
  });
}

/** It follows from something else, as a rule, and is mended with it. */
function clusterStates({ reachable }: SeenCluster, causes: readonly Finding[]): Finding[] {
  const failing = reachable.filter(({ info }) => info.state !== 'ok').map(({ name }) => name);
  if (failing.length === 0) return [];
  const mend = causes.find((one) => one.mend !== 'cluster wait')?.mend ?? 'cluster wait';
  const node = failing.length === 1 ? failing[0] : undefined;
  return [{ kind: 'cluster state', node, text: `cluster_state is fail on ${list(failing)}`, mend }];
}
