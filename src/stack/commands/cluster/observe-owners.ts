import pRetry from 'p-retry';
import { findClusterProblems } from '../../../cluster/findings/health.ts';
import { findOpenMoves, halfWayText, type OpenMoves } from '../../../cluster/slots/open-moves.ts';
import type { SlotMove, SlotOwner } from '../../../cluster/slots/slot-move.ts';
import { isReachable, type NodeView, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { findNode } from '../../session/nodes.ts';
import { readNodes } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

export interface ObservedOwners {
  /** All primaries, in the order of the YAML file. */
  readonly owners: readonly SlotOwner[];
  readonly open: OpenMoves;
}

/**
 * Who owns what, of a cluster that is whole. It may have another number of primaries with slots than the YAML file asks
 * for: that is what moves are made for.
 *
 * @throws StackError USAGE with everything that is in the way of moving slots
 */
export async function observeOwners(session: Session): Promise<ObservedOwners> {
  const { spec } = session;
  const views = await observeWhole(session);
  const open = findOpenMoves(views);
  if (open.unclear.length > 0) throw halfWay(session, open.unclear);
  const owners = spec.nodes.flatMap(({ name }) => {
    const myself = views.find((view) => view.name === name)?.table.myself;
    return myself?.role === 'primary' ? [{ name, slots: myself.slots }] : [];
  });
  return { owners, open };
}

/** The primary that is meant. @throws StackError USAGE */
export function findOwner(session: Session, owners: readonly SlotOwner[], name: string): SlotOwner {
  const node = findNode(session, name);
  const owner = owners.find((one) => one.name === node.name);
  if (owner !== undefined) return owner;
  throw new StackError('USAGE', {
    message: `${node.name} is a replica: it owns no slots, and can't be given any`,
    hint: `The primaries are: ${owners.map((one) => one.name).join(', ')}`,
  });
}

/** Moves that an interrupted run left, and that the one which is asked for wouldn't finish. */
export function halfWay({ spec }: Session, moves: readonly SlotMove[]): StackError {
  return new StackError('USAGE', {
    message: `slots of ${spec.name} are half-way in other moves, so no more are moved`,
    details: moves.map(halfWayText),
    hint: 'npx tsx manage.ts cluster fix',
  });
}

/** Gossip needs less than this to tell every node of a change. */
const SETTLING_MS = 2000;
const POLLING = { retries: Infinity, minTimeout: 50, factor: 1.5, maxTimeout: 500, maxRetryTime: SETTLING_MS };

/** A run that was killed a moment ago leaves nodes that don't agree yet: they are given the time to. */
async function observeWhole(session: Session): Promise<readonly ReachableView[]> {
  const attempt = async (): Promise<readonly ReachableView[]> => {
    const views = (await readNodes(session)).map(({ view }) => view);
    const problems = problemsOf(session, views);
    if (problems.length > 0) throw new NotWhole(problems, views);
    return views.filter(isReachable);
  };
  try {
    const shouldRetry = ({ error }: { error: Error }): boolean =>
      error instanceof NotWhole && error.views.every(isReachable);
    return await pRetry(attempt, { ...POLLING, signal: session.signal, shouldRetry });
  } catch (error) {
    if (!(error instanceof NotWhole)) throw error;
    throw new StackError('USAGE', {
      message: `the cluster of ${session.spec.name} is not whole, so no slots are moved`,
      details: error.problems,
      hint: error.views.every(isReachable) ? 'npx tsx manage.ts cluster fix' : 'npx tsx manage.ts up',
    });
  }
}

class NotWhole extends Error {
  readonly problems: readonly string[];
  readonly views: readonly NodeView[];

  constructor(problems: readonly string[], views: readonly NodeView[]) {
    super('the cluster is not whole');
    this.problems = problems;
    this.views = views;
  }
}

/** Neither replicas that are missing nor the number of primaries keep slots from moving. */
function problemsOf({ spec }: Session, views: readonly NodeView[]): string[] {
  const expected = expectationOf(spec);
  const primaryCount = views.find(isReachable)?.info.size ?? expected.primaryCount;
  return findClusterProblems({ ...expected, primaryCount, replicaCount: 0 }, views);
}
