import { formatRanges, type SlotRange } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { Spec } from '../../spec/spec.ts';
import { nameOfId, reachableNode, replicasOf, viewOfId } from './among-nodes.ts';

export type FailoverMode = 'manual' | 'force' | 'takeover';

export interface Failover {
  readonly nodeId: string;
  readonly primaryId: string;
  readonly formerPrimary: string;
  /** The former primary answers, and is to follow. */
  readonly isPrimaryThere: boolean;
  readonly slots: readonly SlotRange[];
}

/**
 * The replica `node` as the primary of its shard.
 *
 * @throws StackError USAGE where it is no replica, where Redis would refuse, or where keys would be lost by it
 */
export function planFailover(spec: Spec, views: readonly NodeView[], node: string, mode: FailoverMode): Failover {
  const view = reachableNode(views, node);
  const { myself, rows } = view.table;
  if (myself.primaryId === undefined) throw noReplica(view, replicasOf(views, myself.id));
  const primary = viewOfId(views, myself.primaryId);
  const formerPrimary = nameOfId(spec, views, myself.primaryId);
  const slots = rows.find(({ id }) => id === myself.primaryId)?.slots ?? [];
  if (slots.length === 0) {
    throw new StackError('USAGE', {
      message: `the primary of ${node}, ${formerPrimary}, owns no slots: there is nothing to take over`,
      hint: run('cluster slots'),
    });
  }
  // A primary that came back without its data has nothing to lose, and its replica may hold what it had.
  if (primary !== undefined && lacksCopy(views, node) && (mode === 'manual' || primary.keyCount > 0)) {
    throw new StackError('USAGE', {
      message: `${node} does not have its whole copy of ${formerPrimary} yet`,
      hint:
        primary.keyCount > 0
          ? run('cluster wait')
          : hint`${run(`cluster failover ${node} --force`)}   # ${formerPrimary} holds no key`,
    });
  }
  if (primary === undefined && mode === 'manual') {
    throw new StackError('USAGE', {
      message: `${formerPrimary}, the primary of ${node}, does not answer and can't hand over`,
      hint: hint`${run(`cluster failover ${node} --force`)}   # what ${node} has not received yet is lost`,
    });
  }
  const better = replicasOf(views, myself.primaryId).find(({ keyCount }) => keyCount > 0);
  if (primary === undefined && view.keyCount === 0 && better !== undefined) {
    throw new StackError('USAGE', {
      message: `${node} holds no key, and ${better.name}, another replica of ${formerPrimary}, holds ${better.keyCount}`,
      hint: run(`cluster failover ${better.name} --${mode}`),
    });
  }
  const ids = { nodeId: myself.id, primaryId: myself.primaryId };
  return { ...ids, formerPrimary, isPrimaryThere: primary !== undefined, slots };
}

/** `node` follows a primary that answers, and has not all of it. */
export function lacksCopy(views: readonly NodeView[], node: string): boolean {
  const view = views.filter(isReachable).find(({ name }) => name === node);
  const primaryId = view?.table.myself.primaryId;
  return primaryId !== undefined && viewOfId(views, primaryId) !== undefined && view?.replicationLink !== 'up';
}

/**
 * Nodes that don't take `node` for a replica of its primary yet, as sentences: gossip may need seconds to tell them. A
 * primary hands over to none but its replicas, and the others vote for nobody else: without a word.
 */
export function findDoubters(node: string, failover: Failover, views: readonly NodeView[]): string[] {
  const { nodeId, primaryId, formerPrimary } = failover;
  // The cluster was quicker, and elected it by itself.
  if (viewOfId(views, nodeId)?.table.myself.role === 'primary') return [];
  return views
    .filter(isReachable)
    .filter(({ table }) => table.rows.some((row) => row.id === nodeId && row.primaryId !== primaryId))
    .map(({ name }) => `${name}: it does not see ${node} as a replica of ${formerPrimary}`);
}

/** What is still missing until all who know `node` take it for the primary and the former one follows it. */
export function findFailoverProblems(node: string, failover: Failover, views: readonly NodeView[]): string[] {
  const { nodeId, primaryId, formerPrimary, isPrimaryThere } = failover;
  const wanted = formatRanges(failover.slots);
  if (viewOfId(views, nodeId) === undefined) return [`${node} does not answer any more`];
  const doubters = views.filter(isReachable).flatMap(({ name, table }) => {
    const row = table.rows.find(({ id }) => id === nodeId);
    if (row === undefined) return [];
    if (row.role === 'replica') return [`${name}: it sees ${node} as a replica`];
    return formatRanges(row.slots) === wanted ? [] : [`${name}: it does not see ${node} as the owner of ${wanted}`];
  });
  const former = viewOfId(views, primaryId);
  if (!isPrimaryThere) return doubters;
  if (former === undefined) return [...doubters, `${formerPrimary} does not answer any more`];
  if (former.table.myself.primaryId !== nodeId) return [...doubters, `${formerPrimary} does not follow ${node} yet`];
  return former.replicationLink === 'up' ? doubters : [...doubters, `${formerPrimary} has no copy of ${node} yet`];
}

/**
 * Whether `node` is the primary in its own eyes only. Redis 7 doesn't drop the votes of a node's last election: asked
 * again soon after it, the node takes itself for elected, under its old epoch, and the others go by the newer epoch of
 * the primary that is gone. Should that come back, whatever `node` took in the meantime would be lost.
 */
export function isOutvoted({ nodeId, primaryId, isPrimaryThere }: Failover, views: readonly NodeView[]): boolean {
  const self = viewOfId(views, nodeId)?.table.myself;
  // A primary that answers corrects the node by itself, within milliseconds.
  if (isPrimaryThere || self?.role !== 'primary') return false;
  return views
    .filter(isReachable)
    .flatMap(({ table }) => table.rows)
    .some(({ id, slots, configEpoch }) => id === primaryId && slots.length > 0 && configEpoch >= self.configEpoch);
}

/** Whether those who answer can elect anybody: most of the primaries that own slots have to vote. */
export function canElect(views: readonly NodeView[]): boolean {
  const rows = views.filter(isReachable).flatMap(({ table }) => table.rows);
  const owners = [...new Set(rows.filter(({ slots }) => slots.length > 0).map(({ id }) => id))];
  return owners.filter((id) => viewOfId(views, id) !== undefined).length > owners.length / 2;
}

function noReplica({ name }: ReachableView, replicas: readonly ReachableView[]): StackError {
  const [first] = replicas;
  return new StackError('USAGE', {
    message:
      first === undefined
        ? `${name} is a primary, and has no replica that could take over`
        : `${name} is a primary; its replicas are: ${replicas.map((replica) => replica.name).join(', ')}`,
    hint: first === undefined ? run('cluster nodes') : run(`cluster failover ${first.name}`),
  });
}
