import { findClusterProblems } from '../../../cluster/findings/health.ts';
import { isReachable, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { observeNodes } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

export interface Wholeness {
  readonly views: readonly ReachableView[];
  /** Empty where the cluster is whole, whatever number of primaries it has, and no slot is on the move. */
  readonly problems: readonly string[];
}

export async function observeWholeness(session: Session, links: readonly NodeLink[]): Promise<Wholeness> {
  const all = (await observeNodes(session, links)).map(({ view }) => view);
  const views = all.filter(isReachable);
  const expected = expectationOf(session.spec);
  const primaryCount = views[0]?.info.size ?? expected.primaryCount;
  const moving = views.flatMap(({ name, table: { myself } }) =>
    myself.openSlots.map(({ slot, direction }) => `${name}: slot ${slot} is ${direction}`),
  );
  return { views, problems: [...findClusterProblems({ ...expected, primaryCount, replicaCount: 0 }, all), ...moving] };
}

/** @param purpose reads like `be backed up` @throws StackError USAGE with everything that is in the way */
export async function requireWhole(
  session: Session,
  links: readonly NodeLink[],
  purpose: string,
): Promise<readonly ReachableView[]> {
  const { views, problems } = await observeWholeness(session, links);
  if (problems.length === 0) return views;
  throw new StackError('USAGE', {
    message: `the cluster is not whole, so it can't ${purpose}; nothing was changed`,
    details: problems,
    hint: 'npx tsx manage.ts up   # mends what can be mended without losing data',
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
