import pRetry from 'p-retry';
import { findClusterProblems, type Expectation } from '../cluster/health.ts';
import { isReachable, type NodeView, type ReachableView } from '../cluster/view.ts';
import { StackError } from '../errors.ts';
import { containerName } from '../plan/names.ts';
import { planCluster, type ClusterAction } from '../plan/plan-cluster.ts';
import type { NodeLink } from '../redis/node-link.ts';
import { primariesOf, type Spec } from '../spec/spec.ts';
import type { Session } from './session.ts';

export interface Converged {
  readonly views: readonly ReachableView[];
  /** Cluster commands that were sent. */
  readonly commandCount: number;
}

/**
 * Observe → plan → execute → observe again, until every node says that the cluster is whole. It doesn't matter where
 * the nodes stand: brand new, half-way through a bootstrap that was killed, or just restarted with their data.
 *
 * @param onceReachable done when all nodes answer for the first time, before anything is asked of the cluster
 * @throws StackError WAIT_TIMEOUT with what was last observed, CONTAINER_EXITED with the last lines of its log.
 */
export async function converge(
  session: Session,
  links: readonly NodeLink[],
  onceReachable: () => Promise<void> = async () => undefined,
): Promise<Converged> {
  const { spec, signal, timeoutMs, report } = session;
  const expected = expectationOf(spec);
  const sentAt = new Map<string, number>();
  let checkContainersAt = Date.now() + CONTAINER_CHECK_MS;
  let otherShapeSince = Date.now();
  let commandCount = 0;
  let isReached = false;

  const isDue = (action: ClusterAction): boolean =>
    Date.now() - (sentAt.get(JSON.stringify(action)) ?? 0) > RESEND_AFTER_MS;
  const attempt = async (): Promise<Converged> => {
    const views = await Promise.all(links.map((link) => link.observe()));
    if (!isReached && views.every(isReachable)) {
      await onceReachable();
      isReached = true;
    }
    const due = planCluster(spec, views).filter(isDue);
    for (const action of due) sentAt.set(JSON.stringify(action), Date.now());
    const refusals = await Promise.all(due.map((action) => send(action, links)));
    commandCount += due.length;

    const problems = [...refusals.flat(), ...findClusterProblems(expected, views)];
    const reachable = views.filter(isReachable);
    if (problems.length === 0 && due.length === 0) return { views: reachable, commandCount };
    otherShapeSince = due.length === 0 && isOfOtherShape(expected, views) ? otherShapeSince : Date.now();
    if (Date.now() - otherShapeSince > SETTLING_MS) throw otherShape(expected, reachable);
    report({ subject: 'cluster', state: 'running', text: due[0]?.type ?? problems[0] ?? 'settling' });
    if (reachable.length < views.length && Date.now() > checkContainersAt) {
      await rejectExited(session, views);
      checkContainersAt = Date.now() + CONTAINER_CHECK_MS;
    }
    throw new NotWhole(problems);
  };
  try {
    const shouldRetry = ({ error }: { error: Error }): boolean => error instanceof NotWhole;
    return await pRetry(attempt, { ...POLLING, signal, maxRetryTime: timeoutMs, shouldRetry });
  } catch (error) {
    throw error instanceof NotWhole ? timedOut(timeoutMs, error.problems) : error;
  }
}

/** Often at first, where a new cluster is a matter of milliseconds, and less often for what takes seconds. */
const POLLING = { retries: Infinity, minTimeout: 4, factor: 1.05, maxTimeout: 50 };
const CONTAINER_CHECK_MS = 1000;
/** A command's effect may take this long to show, through gossip; until then it is not sent again. */
const RESEND_AFTER_MS = 1000;

/** Gossip needs less than this to tell every node of a change. */
const SETTLING_MS = 2000;

/** Whole, but with another number of primaries than the YAML file asks for: no waiting will change that. */
function isOfOtherShape(expected: Expectation, views: readonly NodeView[]): boolean {
  const size = views.find(isReachable)?.info.size;
  return (
    size !== undefined &&
    size !== expected.primaryCount &&
    findClusterProblems({ ...expected, primaryCount: size, replicaCount: 0 }, views).length === 0
  );
}

function otherShape({ primaryCount }: Expectation, views: readonly ReachableView[]): StackError {
  const idle = views.filter(({ table: { myself } }) => myself.role === 'primary' && myself.slots.length === 0);
  const idleText = idle.length === 0 ? '' : `; without slots: ${idle.map(({ name }) => name).join(', ')}`;
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `the cluster is whole, but ${views[0]?.info.size ?? 0} primaries own slots and the YAML file asks for ${primaryCount}${idleText}`,
    hint: 'up moves no slots of a cluster that holds data: put redis.nodes and redis.replicas back, or start anew with down --volumes, then up.',
  });
}

class NotWhole extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('the cluster is not whole yet');
    this.problems = problems;
  }
}

export function expectationOf(spec: Spec): Expectation {
  return {
    primaryCount: primariesOf(spec).length,
    replicaCount: spec.nodes.length - primariesOf(spec).length,
    addresses: new Map(spec.nodes.map(({ name, ip }) => [name, ip])),
  };
}

/** A refusal is no failure yet: another process may have done the same, or the node is busy. What it is shows next time. */
async function send(action: ClusterAction, links: readonly NodeLink[]): Promise<string[]> {
  try {
    await links.find(({ name }) => name === action.node)?.send('CLUSTER', ...words(action));
    return [];
  } catch (error) {
    if (error instanceof StackError && error.code === 'CLUSTER_UNHEALTHY') return [error.message];
    throw error;
  }
}

function words(action: ClusterAction): (string | number)[] {
  switch (action.type) {
    case 'take over':
      return ['FAILOVER', 'TAKEOVER'];
    case 'forget':
      return ['FORGET', action.nodeId];
    case 'meet':
      return ['MEET', action.ip, action.port, action.busPort];
    case 'add slots': {
      // ADDSLOTSRANGE came with Redis 7.0; this works with all.
      const { start, end } = action.range;
      return ['ADDSLOTS', ...Array.from({ length: end - start + 1 }, (_, index) => start + index)];
    }
    case 'replicate':
      return ['REPLICATE', action.primaryId];
  }
}

/** A container that has ended won't answer however long anybody waits. */
async function rejectExited({ engine, spec }: Session, views: readonly NodeView[]): Promise<void> {
  const containers = await engine.listContainers();
  for (const view of views.filter(({ reachable }) => !reachable)) {
    const name = containerName(spec.name, view.name);
    const container = containers.find((one) => one.name === name);
    if (container?.state === 'running') continue;
    if (container === undefined) {
      throw new StackError('NOT_RUNNING', { message: `the container ${name} is gone`, hint: 'npx tsx manage.ts up' });
    }
    const { exitCode, outOfMemory, error } = await engine.containerExit(name);
    const log: string[] = [];
    for await (const chunk of engine.logs(name, { follow: false, tail: 8, timestamps: false }))
      log.push(chunk.toString());
    const why = outOfMemory ? 'it was out of memory' : error || `exit code ${exitCode}`;
    throw new StackError('CONTAINER_EXITED', {
      message: `the container ${name} is ${container.state}: ${why}`,
      details: log.join('').split('\n').filter(Boolean),
      hint: `npx tsx manage.ts logs ${view.name}`,
    });
  }
}

function timedOut(timeoutMs: number, problems: readonly string[]): StackError {
  return new StackError('WAIT_TIMEOUT', {
    message: `the cluster was not whole within ${timeoutMs / 1000} s`,
    details: problems,
    hint: 'npx tsx manage.ts status, npx tsx manage.ts logs NODE, or more time with --timeout SECONDS',
  });
}
