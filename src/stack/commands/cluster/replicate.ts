import type { NodeView } from '../../../cluster/nodes/view.ts';
import { replicasOf } from '../../../plan/cluster/among-nodes.ts';
import { planReplication } from '../../../plan/cluster/plan-replication.ts';
import { withLiveCluster } from '../../execute/live-cluster.ts';
import { findNode } from '../../session/nodes.ts';
import type { Session } from '../../session/session.ts';

export interface ReplicateResult {
  readonly node: string;
  readonly primary: string;
  /** It was no replica of this primary before. */
  readonly isChanged: boolean;
}

/**
 * Makes a node the replica of a primary, and waits for its copy.
 *
 * @throws StackError USAGE where it may not become one: see `planReplication`
 */
export async function replicate(session: Session, nodeName: string, primaryName: string): Promise<ReplicateResult> {
  const [node, primary] = [findNode(session, nodeName).name, findNode(session, primaryName).name];
  return withLiveCluster(session, async ({ views, send, until }) => {
    const { primaryId, isDone } = planReplication(session.spec, views, node, primary);
    if (isDone) return { node, primary, isChanged: false };
    await send(node, 'CLUSTER', 'REPLICATE', primaryId);
    const findProblems = (latest: readonly NodeView[]): string[] =>
      replicasOf(latest, primaryId).some(({ name, replicationLink }) => name === node && replicationLink === 'up')
        ? []
        : [`${node} has no copy of ${primary} yet`];
    await until(findProblems, {
      message: `${node} had no copy of ${primary}`,
      hint: `npx tsx manage.ts logs ${node}, or more time: npx tsx manage.ts cluster wait --timeout SECONDS`,
    });
    return { node, primary, isChanged: true };
  });
}
