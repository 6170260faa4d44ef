import { countSlots } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { reachableNode } from './among-nodes.ts';
import { isAcquainted, isBlank, knows } from './plan-cluster.ts';

/**
 * The nodes that have to introduce `node` to themselves; none where all know each other already. Each of them by itself: a
 * node that was just forgotten is not taken back through gossip for a minute.
 *
 * @throws StackError USAGE where two clusters would become one: of the slots that both own, one side would lose the keys
 */
export function planMeet(views: readonly NodeView[], node: string): readonly ReachableView[] {
  const newcomer = reachableNode(views, node);
  const others = views.filter(isReachable).filter((view) => view !== newcomer);
  const companions = acquaintancesOf(newcomer, others);
  const [group] = groupsOf(others).toSorted(bySlotsThenNodes);
  if (group === undefined) {
    throw new StackError('USAGE', {
      message: `no other node answers: nobody can be introduced to ${node}`,
      hint: 'npx tsx manage.ts up',
    });
  }
  const isRelated = group.some((view) => companions.includes(view));
  const holder = [newcomer, ...companions].find((view) => !isBlank(view));
  const other = group.find((view) => !isBlank(view));
  if (!isRelated && holder !== undefined && other !== undefined) {
    throw new StackError('USAGE', {
      message: `${holder.name} and ${other.name} are of two clusters that both hold slots or keys: one would lose its keys`,
      hint: 'npx tsx manage.ts cluster nodes',
    });
  }
  return group.filter((view) => !isAcquainted(view, newcomer) || !isAcquainted(newcomer, view));
}

/** What is still missing until `node` and each of `members` know each other and their links stand. */
export function findMeetProblems(node: string, members: readonly string[], views: readonly NodeView[]): string[] {
  const newcomer = views.filter(isReachable).find(({ name }) => name === node);
  if (newcomer === undefined) return [`${node} does not answer any more`];
  const isLinked = (view: ReachableView, other: ReachableView): boolean =>
    isAcquainted(view, other) && view.table.rows.some(({ id, connected }) => id === other.table.myself.id && connected);
  return views
    .filter(isReachable)
    .filter(({ name }) => members.includes(name))
    .flatMap((view) => [
      ...(isLinked(view, newcomer) ? [] : [`${view.name} has no link to ${node} yet`]),
      ...(isLinked(newcomer, view) ? [] : [`${node} has no link to ${view.name} yet`]),
    ]);
}

/** All that `start` knows or is known by, be it through others. */
function acquaintancesOf(start: ReachableView, others: readonly ReachableView[]): ReachableView[] {
  const reached = [start];
  for (const view of reached) {
    reached.push(...others.filter((one) => !reached.includes(one) && (knows(view, one) || knows(one, view))));
  }
  return reached.slice(1);
}

function groupsOf(views: readonly ReachableView[]): ReachableView[][] {
  const [first, ...rest] = views;
  if (first === undefined) return [];
  const group = [first, ...acquaintancesOf(first, rest)];
  return [group, ...groupsOf(rest.filter((view) => !group.includes(view)))];
}

/** The group that holds the slots is the cluster, however few its nodes. */
function bySlotsThenNodes(one: readonly ReachableView[], other: readonly ReachableView[]): number {
  const slots = (group: readonly ReachableView[]): number =>
    countSlots(group.flatMap(({ table }) => table.myself.slots));
  return slots(other) - slots(one) || other.length - one.length;
}
