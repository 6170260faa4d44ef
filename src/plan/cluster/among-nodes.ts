import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { peerKind } from '../../spec/ports.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';

/** The node with its name in the YAML file. @throws StackError USAGE where it doesn't answer. */
export function reachableNode(views: readonly NodeView[], name: string): ReachableView {
  const view = views.find((one) => one.name === name);
  if (view?.reachable === true) return view;
  throw new StackError('USAGE', {
    message: `${name} does not answer: ${view?.reason ?? 'it is not in the YAML file'}`,
    hint: run('up'),
  });
}

export function unreachableNames(views: readonly NodeView[]): string[] {
  return views.filter((view) => !isReachable(view)).map(({ name }) => name);
}

export function viewOfId(views: readonly NodeView[], id: string | undefined): ReachableView | undefined {
  return views.filter(isReachable).find(({ table }) => table.myself.id === id);
}

export function replicasOf(views: readonly NodeView[], id: string): ReachableView[] {
  return views.filter(isReachable).filter(({ table }) => table.myself.primaryId === id);
}

/** The name in the YAML file of a node that somebody knows; for one that doesn't answer, by its address. Else the id. */
export function nameOfId(spec: Spec, views: readonly NodeView[], id: string | undefined): string {
  const name = viewOfId(views, id)?.name;
  if (name !== undefined || id === undefined) return name ?? 'nobody';
  const row = views
    .filter(isReachable)
    .flatMap(({ table }) => table.rows)
    .find((one) => one.id === id);
  const node = row && nodeAt(spec, row);
  const isAway = views.some((view) => view.name === node?.name && !view.reachable);
  return node !== undefined && isAway ? node.name : id;
}

/** The node of the YAML file that is to be found there. */
export function nodeAt({ nodes }: Spec, row: Pick<NodeRow, 'ip' | 'busPort'>): NodeSpec | undefined {
  return nodes.find(({ announced }) => busAddress(announced) === busAddress(row));
}

/** Where others are to meet it: at the port under which nodes know each other, whichever of its ports it has shown. */
export function meetingPlace(
  spec: Spec,
  { name, table: { myself } }: ReachableView,
): { readonly ip: string; readonly port: number; readonly busPort: number } {
  const { ip, port, busPort } = myself;
  const node = spec.nodes.find((one) => one.name === name);
  return { ip, port: node?.announced[peerKind(spec)] ?? port, busPort };
}

/**
 * A replica that begins anew drops its copy, and that has to be somewhere else.
 *
 * @throws StackError USAGE where nobody can say that its primary has those keys
 */
export function rejectLossOfCopy(spec: Spec, views: readonly NodeView[], replica: ReachableView): void {
  const { name, keyCount, replicationLink, table } = replica;
  const { primaryId } = table.myself;
  if (keyCount === 0 || primaryId === undefined) return;
  const primary = viewOfId(views, primaryId);
  // A primary that lost its data and came back before a replica took over: its replica is emptied as soon as it follows.
  const isPrimaryEmpty = primary?.keyCount === 0 && replicationLink === 'down';
  if (primary !== undefined && !isPrimaryEmpty) return;
  const why = primary === undefined ? 'does not answer' : 'has none';
  throw new StackError('USAGE', {
    message: `${name} holds a copy of ${keyCount} keys, and its primary ${nameOfId(spec, views, primaryId)} ${why}: they may be nowhere else`,
    hint: hint`${run(`cluster failover ${name} --force`)}   # makes it the primary; or bring the other back: ${run('up')}`,
  });
}
