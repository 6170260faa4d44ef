import type { SlotRange } from '../../cluster/slots/slots.ts';
import { findBrokenLinks } from '../../cluster/findings/health.ts';
import type { NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { viewOfId } from '../../plan/cluster/among-nodes.ts';
import {
  canElect,
  findDoubters,
  findFailoverProblems,
  isOutvoted,
  lacksCopy,
  planFailover,
  type Failover,
  type FailoverMode,
} from '../../plan/cluster/plan-failover.ts';
import { withLiveCluster, type LiveCluster } from './live-cluster.ts';
import { findNode, type Session } from '../session/session.ts';

interface FailoverResult {
  readonly node: string;
  readonly formerPrimary: string;
  /** It answered, and follows `node` now. */
  readonly isFollowing: boolean;
  readonly slots: readonly SlotRange[];
}

/**
 * Makes a replica the primary, and waits until every node that answers takes it for one and the former one follows.
 *
 * @param mode `manual`: the primary stops taking writes until the replica has all of them, so that none is lost. `force`:
 *   without the primary, with the votes of the others. `takeover`: without anybody's.
 * @throws StackError USAGE: see `planFailover`. CLUSTER_UNHEALTHY when Redis gave it up.
 */
export function failover(session: Session, nodeName: string, mode: FailoverMode): Promise<FailoverResult> {
  const node = findNode(session, nodeName).name;
  return withLiveCluster(session, (cluster) => failOver(session, cluster, node, mode));
}

/** The same, where the nodes are linked already. */
export async function failOver(
  session: Session,
  cluster: LiveCluster,
  node: string,
  mode: FailoverMode,
): Promise<FailoverResult> {
  const plan = planFailover(session.spec, await viewsWithCopy(cluster, node), node, mode);
  const request: Request = { node, mode, plan };
  const startedAt = Date.now();
  if (mode !== 'takeover') await untilKnownAsReplica(cluster, request);
  if (!(await attempt(cluster, request))) {
    const againAt = startedAt + electionPauseMs(session);
    const isInTime = againAt + GIVEN_UP_AFTER_MS < startedAt + session.timeoutMs;
    if (mode === 'takeover' || !isInTime || !canElect(cluster.views)) throw givenUp(session, request);
    await untilElectionIsPossible(cluster, request, againAt);
    if (!(await attempt(cluster, request))) throw givenUp(session, request);
  }
  return { node, formerPrimary: plan.formerPrimary, isFollowing: plan.isPrimaryThere, slots: plan.slots };
}

/** Whose link was down for a moment has its copy within seconds. */
const COPY_MS = 10_000;

async function viewsWithCopy({ views, until }: LiveCluster, node: string): Promise<readonly NodeView[]> {
  if (!lacksCopy(views, node)) return views;
  const endAt = Date.now() + COPY_MS;
  const problem = `${node} does not have its whole copy yet`;
  return until((latest) => (lacksCopy(latest, node) && Date.now() < endAt ? [problem] : []), {
    message: problem,
    hint: run('cluster wait'),
  });
}

interface Request {
  readonly node: string;
  readonly mode: FailoverMode;
  readonly plan: Failover;
}

/** Redis gives a failover that was asked for this long (CLUSTER_MF_TIMEOUT), and gives it up without a word. */
const GIVEN_UP_AFTER_MS = 5000;
const GOSSIP_MS = 1000;

/**
 * How long after an election a replica begins no other one: auth_retry_time in Redis's cluster.c. The others vote for no
 * other replica of the same primary for half of that time.
 */
function electionPauseMs({ spec }: Session): number {
  return 2 * Math.max(2 * spec.redis.nodeTimeoutMs, 2000) + GOSSIP_MS;
}

async function untilKnownAsReplica({ until }: LiveCluster, { node, mode, plan }: Request): Promise<void> {
  // Over which the primary hands over. Redis refuses where it is down, as it may be for a moment on a busy machine.
  const downLinks = (views: readonly NodeView[]): string[] => {
    const [own, primary] = [viewOfId(views, plan.nodeId), viewOfId(views, plan.primaryId)];
    return mode === 'manual' && own !== undefined && primary !== undefined ? findBrokenLinks([own], [primary]) : [];
  };
  await until((views) => [...findDoubters(node, plan, views), ...downLinks(views)], {
    message: `not every node saw ${node} as a replica of ${plan.formerPrimary}`,
    hint: run('cluster nodes'),
  });
}

async function untilElectionIsPossible({ until }: LiveCluster, { node }: Request, at: number): Promise<void> {
  const problem = `Redis gave it up, as it does when there was an election just before: once more in a moment`;
  await until(() => (Date.now() < at ? [problem] : []), {
    message: `${node} could begin no election`,
    hint: run(`cluster failover ${node}`),
  });
}

/** @returns whether `node` is the primary; false when Redis gave it up */
async function attempt({ send, until }: LiveCluster, { node, mode, plan }: Request): Promise<boolean> {
  const failing = {
    message: `not every node saw ${node} as the primary in the place of ${plan.formerPrimary}`,
    hint: run('cluster nodes'),
  };
  try {
    await send(node, 'CLUSTER', 'FAILOVER', ...(mode === 'manual' ? [] : [mode.toUpperCase()]));
  } catch (error) {
    // Where its primary is down, the cluster may elect it by itself in this very moment.
    const latest = await until(() => [], failing);
    if (viewOfId(latest, plan.nodeId)?.table.myself.role !== 'primary') throw error;
  }
  const overAt = Date.now() + GIVEN_UP_AFTER_MS + GOSSIP_MS;
  const isGivenUp = (views: readonly NodeView[]): boolean =>
    Date.now() > overAt && viewOfId(views, plan.nodeId)?.table.myself.role === 'replica';
  const views = await until(
    (latest) => (isGivenUp(latest) || isOutvoted(plan, latest) ? [] : findFailoverProblems(node, plan, latest)),
    failing,
  );
  if (isOutvoted(plan, views)) {
    // It can't go back: Redis makes no replica of a primary with slots. With the newest epoch the others follow it.
    await send(node, 'CLUSTER', 'BUMPEPOCH');
    await until((latest) => findFailoverProblems(node, plan, latest), failing);
  }
  return !isGivenUp(views);
}

function givenUp(session: Session, { node, mode }: Request): StackError {
  const hints = {
    manual: hint`${run(`cluster failover ${node}`)}   # in ${Math.ceil(electionPauseMs(session) / 1000)} s; meanwhile ${run(`logs ${node}`)} says why`,
    force: hint`${run(`cluster failover ${node} --takeover`)}   # without the votes of the other primaries`,
    takeover: hint`${run(`logs ${node}`)}   # says why`,
  };
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${node} is still a replica: Redis gave the failover up`,
    hint: hints[mode],
  });
}
