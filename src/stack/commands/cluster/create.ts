import type { ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { unreachableNames } from '../../../plan/cluster/among-nodes.ts';
import { whyNotBlank } from '../../../plan/cluster/plan-reset.ts';
import { findShapeProblem } from '../../../spec/rules.ts';
import { withReplicas } from '../../../spec/spec.ts';
import { localPassword } from '../../connect/passwords.ts';
import { desiredOf } from '../../observe/wanted.ts';
import { reconcile } from '../../reconcile/reconcile.ts';
import { withLiveCluster } from '../../execute/live-cluster.ts';
import type { Session } from '../../session/session.ts';

/**
 * Makes one cluster of running nodes that hold nothing, the slow way: they meet, the slots are handed out, replicas
 * follow.
 *
 * @param replicas of each primary; by default what the YAML file says
 * @throws StackError USAGE where the nodes can't be divided like that, or where one of them isn't blank
 */
export async function createCluster(session: Session, replicas: number | undefined): Promise<readonly ReachableView[]> {
  const { spec, report } = session;
  const wanted = replicas ?? spec.redis.replicas;
  const problem = findShapeProblem(spec.nodes.length, wanted);
  if (problem !== undefined) throw new StackError('USAGE', problem);
  await withLiveCluster(session, async ({ views }) => {
    const details = views.map(whyNotBlank).filter((reason) => reason !== undefined);
    if (details.length > 0) {
      throw new StackError('USAGE', {
        message: 'a cluster is only created from running nodes that are alone and hold nothing',
        details,
        hint:
          unreachableNames(views).length > 0
            ? hint`${run('up')}   # starts the nodes, and makes the cluster by itself`
            : hint`${run('status')}, or where no node holds a key: ${run('cluster reset --all')}`,
      });
    }
  });
  const desired = desiredOf({ ...session, spec: withReplicas(spec, wanted) }, undefined, {});
  const { views: made } = await reconcile(session, desired, { password: () => localPassword(session) });
  report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
  return made;
}
