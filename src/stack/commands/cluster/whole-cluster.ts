import { findBrokenLinks, findClusterProblems } from '../../../cluster/findings/health.ts';
import { isReachable, type NodeView, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { viewNodes } from '../../observe/observe-nodes.ts';
import { requireHosts, type Session } from '../../session/session.ts';
import { poll } from '../../../poll.ts';
import { withNodes, type Nodes } from '../../connect/with-nodes.ts';
import { openProof } from '../../connect/proof.ts';
import { requirePassword } from '../../connect/passwords.ts';
import { durationText } from '../../../units.ts';

interface Wholeness {
  readonly views: readonly ReachableView[];
  /** What is in the way, as sentences. */
  readonly problems: readonly string[];
}

/** Neither replicas that are missing nor the number of primaries are a problem: keys and slots can be moved all the same. */
export function findHoles({ spec }: Session, views: readonly NodeView[]): string[] {
  const expected = expectationOf(spec);
  const primaryCount = views.find(isReachable)?.info.size ?? expected.primaryCount;
  return findClusterProblems({ ...expected, primaryCount, replicaCount: 0 }, views);
}

/** A slot on the move is in the way, too. */
export async function observeWholeness(session: Session, links: readonly NodeLink[]): Promise<Wholeness> {
  const all = await viewNodes(session, links);
  const views = all.filter(isReachable);
  const moving = views.flatMap(({ name, table: { myself } }) =>
    myself.openSlots.map(({ slot, direction }) => `${name}: slot ${slot} is ${direction}`),
  );
  return { views, problems: [...findHoles(session, all), ...moving] };
}

/** @param purpose reads like `be backed up` @throws StackError USAGE with everything that is in the way */
export async function requireWhole(
  session: Session,
  links: readonly NodeLink[],
  purpose: string,
): Promise<readonly ReachableView[]> {
  const { views, problems } = await observeWholeness(session, links);
  if (problems.length === 0) return views;
  requireHosts(session, session.spec.nodes, `the cluster can't ${purpose}`);
  throw new StackError('USAGE', {
    message: `the cluster is not whole, so it can't ${purpose}; nothing was changed`,
    details: problems,
    hint: hint`${run('up')}   # repairs what can be repaired without losing data`,
  });
}

/** The primaries that own slots, in the order of `links`. */
export function primariesAmong(
  views: readonly ReachableView[],
  links: readonly NodeLink[],
): readonly { readonly link: NodeLink; readonly view: ReachableView }[] {
  return links.flatMap((link) => {
    const view = views.find(({ name }) => name === link.name);
    const { role, slots } = view?.table.myself ?? { role: 'replica', slots: [] };
    return view !== undefined && role === 'primary' && slots.length > 0 ? [{ link, view }] : [];
  });
}

/**
 * Waits until every node agrees on every slot, every link of the bus stands, and a key can be written and read in each
 * primary. Changes nothing but those keys, which it deletes.
 *
 * @throws StackError WAIT_TIMEOUT that names each node, port and bus link which is in the way
 */
export async function waitForCluster(session: Session): Promise<readonly ReachableView[]> {
  const { spec, timeoutMs } = session;
  const password = await requirePassword(session);
  const prove = await openProof(session, password);
  const look = async (nodes: Nodes): Promise<Wholeness> => {
    const all = await viewNodes(session, nodes.all);
    const views = all.filter(isReachable);
    const problems = [...findClusterProblems(expectationOf(spec), all), ...findBrokenLinks(views)];
    if (problems.length > 0) return { views, problems };
    try {
      await prove(views);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      return { views, problems: [error.message] };
    }
    return { views, problems };
  };
  const onTimeout = ({ problems }: Wholeness): StackError =>
    new StackError('WAIT_TIMEOUT', {
      message: `the cluster was not whole within ${durationText(timeoutMs)}`,
      details: problems,
      hint: hint`${run('up')}   # repairs what can be repaired without losing data`,
    });
  const isWhole = ({ problems }: Wholeness): boolean => problems.length === 0;
  const wait = (nodes: Nodes): Promise<Wholeness> => poll(() => look(nodes), isWhole, { ...session, onTimeout });
  return (await withNodes(session, wait, { password })).views;
}
