import { countSlots } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { Spec } from '../../spec/spec.ts';
import { reachableNode, rejectLossOfCopy, replicasOf } from './among-nodes.ts';

/** What keeps a node from being the beginning of a new cluster, in one sentence; undefined where nothing does. */
export function whyNotBlank(view: NodeView): string | undefined {
  if (!isReachable(view)) return `${view.name} does not answer: ${view.reason}`;
  const { name, keyCount, table } = view;
  const others = table.rows.length - 1;
  const slots = countSlots(table.rows.flatMap((row) => row.slots));
  const reasons = [
    ...(others > 0 ? [`it knows ${others} other ${others === 1 ? 'node' : 'nodes'}`] : []),
    ...(table.myself.role === 'replica' ? ['it is a replica'] : []),
    ...(slots > 0 ? [`${slots} slots have an owner`] : []),
    ...(keyCount > 0 ? [`it holds ${keyCount} keys`] : []),
  ];
  return reasons.length === 0 ? undefined : `${name}: ${reasons.join(', ')}`;
}

/**
 * The nodes to reset, as they are now. All nodes together may own slots, where none of them has a key.
 *
 * @throws StackError USAGE where one of them holds what would be lost
 */
export function planReset(spec: Spec, views: readonly NodeView[], names: readonly string[]): readonly ReachableView[] {
  const chosen = names.map((name) => reachableNode(views, name));
  if (isAll(spec, names)) {
    const holders = chosen.filter(({ keyCount }) => keyCount > 0);
    if (holders.length === 0) return chosen;
    throw new StackError('USAGE', {
      message: 'the cluster holds keys: it is not taken apart',
      details: holders.map(({ name, keyCount }) => `${name} holds ${keyCount} keys`),
      hint: hint`${run('down --volumes')}   # deletes all data, after asking`,
    });
  }
  for (const view of chosen) rejectHolder(spec, views, view);
  for (const view of chosen) rejectFollowed(views, view, names);
  return chosen;
}

export function isAll(spec: Spec, names: readonly string[]): boolean {
  return spec.nodes.every(({ name }) => names.includes(name));
}

function rejectHolder(spec: Spec, views: readonly NodeView[], view: ReachableView): void {
  const { name, keyCount, table } = view;
  const slots = countSlots(table.myself.slots);
  if (table.myself.role === 'replica') return rejectLossOfCopy(spec, views, view);
  if (slots === 0 && keyCount === 0) return;
  throw new StackError('USAGE', {
    message:
      keyCount > 0
        ? `${name} is a primary with ${keyCount} keys${slots > 0 ? ` and ${slots} slots` : ''}: they would have no owner`
        : `${name} owns ${slots} slots: they would have no owner`,
    hint: hint`${run(`cluster rebalance --weight ${name}=0`)}   # moves them; all nodes together: cluster reset --all`,
  });
}

/** Redis lets no replica forget its own primary. */
function rejectFollowed(views: readonly NodeView[], { name, table }: ReachableView, names: readonly string[]): void {
  const follower = replicasOf(views, table.myself.id).find((replica) => !names.includes(replica.name));
  if (follower === undefined) return;
  throw new StackError('USAGE', {
    message: `${follower.name} is a replica of ${name}, and a replica can't forget its own primary`,
    hint: run(`cluster replicate ${follower.name} --of PRIMARY`),
  });
}
