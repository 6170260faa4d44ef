import pRetry from 'p-retry';
import { findClusterProblems, type Expectation } from '../../cluster/findings/health.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { planCluster, type ClusterAction } from '../../plan/cluster/plan-cluster.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { rejectExited, reportCuts } from '../observe/container-end.ts';
import { restoreNodeTables } from './restore-node-tables.ts';
import type { Session } from '../session/session.ts';
import { rejectUnwritable } from '../observe/unwritable.ts';

export interface Converged {
  readonly views: readonly ReachableView[];
  /** Cluster commands that were sent. */
  readonly commandCount: number;
}

export interface ConvergeOptions {
  /** Done when all nodes answer for the first time, before anything is asked of the cluster. */
  readonly onceReachable?: () => Promise<void>;
  /** Nodes that left the YAML file, and are still of the cluster. */
  readonly former?: readonly NodeSpec[];
  /** Done once, when all nodes answer and nothing has happened for a while, but the cluster still isn't whole. */
  readonly onStuck?: () => Promise<unknown>;
}

/**
 * Observe → plan → execute → observe again, until every node says that the cluster is whole. It doesn't matter where
 * the nodes stand: brand new, half-way through a bootstrap that was killed, or just restarted with their data.
 *
 * It may be whole in another shape than the YAML file's: moving slots is a plan of its own, see `planShape`.
 *
 * @param links to the nodes of the YAML file, and to those that are still to leave the cluster
 * @throws StackError WAIT_TIMEOUT with what was last observed, CONTAINER_EXITED with the last lines of its log, DISK_FULL
 */
export async function converge(
  session: Session,
  links: readonly NodeLink[],
  { onceReachable = async () => undefined, onStuck = async () => undefined, former = [] }: ConvergeOptions = {},
): Promise<Converged> {
  const { spec, signal, timeoutMs, report } = session;
  const expected = expectationOf(spec, former);
  const sentAt = new Map<string, number>();
  let checkContainersAt = Date.now() + CONTAINER_CHECK_MS;
  let commandCount = 0;
  let isReached = false;
  let isTried = false;
  let quietSince = Date.now();

  const isDue = (action: ClusterAction): boolean =>
    Date.now() - (sentAt.get(JSON.stringify(action)) ?? 0) > RESEND_AFTER_MS;
  /** Once for each node: what didn't help won't the second time. */
  const restored = new Set<string>();
  const isRestored = async (views: readonly NodeView[]): Promise<boolean> => {
    const names = await restoreNodeTables(session, views, restored);
    for (const name of names) restored.add(name);
    commandCount += names.length;
    return names.length > 0;
  };
  /** Those that have just begun, or do while this waits: what they read from their disks is news. */
  const begun = new Set<string>();
  const attempt = async (): Promise<Converged> => {
    const views = await Promise.all(links.map((link) => link.observe()));
    // Each time: the others may take longer than that to believe again in a node that was away.
    for (const view of views) if (!isReachable(view) || hasJustBegun(view)) begun.add(view.name);
    if (!isReached && views.every(isReachable)) {
      await onceReachable();
      isReached = true;
    }
    const due = planCluster(spec, views).filter(isDue);
    for (const action of due) sentAt.set(JSON.stringify(action), Date.now());
    const refusals = await Promise.all(due.map((action) => send(action, links)));
    commandCount += due.length;

    const reachable = views.filter(isReachable);
    const problems = [...refusals.flat(), ...findClusterProblems(inItsShape(expected, reachable), views)];
    if (problems.length === 0 && due.length === 0) {
      await reportCuts(
        session,
        reachable.filter(({ name, keyCount }) => keyCount > 0 && begun.has(name)),
      );
      return { views: reachable, commandCount };
    }
    report({ subject: 'cluster', state: 'running', text: due[0]?.type ?? problems[0] ?? 'settling' });
    if (due.length > 0 || reachable.length < views.length) quietSince = Date.now();
    const isStuck = Date.now() - quietSince > SETTLING_MS;
    if (!isTried && isStuck) {
      isTried = true;
      // First: what has its table again is who it was, and needs no other mending.
      if (!(await isRestored(views))) await onStuck();
      quietSince = Date.now();
    } else if (isStuck) await rejectUnwritable(session, reachable);
    if (reachable.length < views.length && Date.now() > checkContainersAt) {
      if (!(await isRestored(views))) await rejectExited(session, views);
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

function hasJustBegun({ fields }: ReachableView): boolean {
  const seconds = 10;
  return Number(fields.get('uptime_in_seconds') ?? seconds) < seconds;
}

/** Often at first, where a new cluster is a matter of milliseconds, and less often for what takes seconds. */
const POLLING = { retries: Infinity, minTimeout: 4, factor: 1.05, maxTimeout: 50 };
const CONTAINER_CHECK_MS = 1000;
/** A primary with data serves two seconds after its start, and gossip has told every node of it in less than one. */
const SETTLING_MS = 4000;
/** A command's effect may take this long to show, through gossip; until then it is not sent again. */
const RESEND_AFTER_MS = 1000;

class NotWhole extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('the cluster is not whole yet');
    this.problems = problems;
  }
}

/** With another number of primaries than the YAML file's, nothing can be said of replicas. */
function inItsShape(expected: Expectation, views: readonly ReachableView[]): Expectation {
  const size = views[0]?.info.size ?? expected.primaryCount;
  return size === expected.primaryCount ? expected : { ...expected, primaryCount: size, replicaCount: 0 };
}

/** A refusal is no failure yet: another process may have done the same, or the node is busy. What it is shows next time. */
export async function send(action: ClusterAction, links: readonly NodeLink[]): Promise<string[]> {
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

function timedOut(timeoutMs: number, problems: readonly string[]): StackError {
  return new StackError('WAIT_TIMEOUT', {
    message: `the cluster was not whole within ${timeoutMs / 1000} s`,
    details: problems,
    hint: 'npx tsx manage.ts status, npx tsx manage.ts logs NODE, or more time with --timeout SECONDS',
  });
}
