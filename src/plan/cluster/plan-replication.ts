import { countSlots } from '../../cluster/slots/slots.ts';
import type { NodeView, ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import type { Spec } from '../../spec/spec.ts';
import { nameOfId, reachableNode, rejectLossOfCopy } from './among-nodes.ts';
import { knows } from './plan-cluster.ts';

export interface Replication {
  readonly primaryId: string;
  /** It follows this primary already. */
  readonly isDone: boolean;
}

/**
 * `node` as a replica of `primary`, both by their names in the YAML file.
 *
 * @throws StackError USAGE where it may not become one: it would lose slots or keys
 */
export function planReplication(spec: Spec, views: readonly NodeView[], node: string, primary: string): Replication {
  if (node === primary) throw new StackError('USAGE', { message: `${node} can't be a replica of itself` });
  const [follower, leader] = [reachableNode(views, node), reachableNode(views, primary)];
  const { myself } = leader.table;
  if (myself.role === 'replica') {
    const actual = nameOfId(spec, views, myself.primaryId);
    throw new StackError('USAGE', {
      message: `${primary} is a replica itself, of ${actual}`,
      ...(actual === node ? {} : { hint: run(`cluster replicate ${node} --of ${actual}`) }),
    });
  }
  if (follower.table.myself.primaryId === myself.id) return { primaryId: myself.id, isDone: true };
  if (!knows(follower, leader) || !knows(leader, follower)) {
    throw new StackError('USAGE', {
      message: `${node} and ${primary} don't know each other`,
      hint: run(`cluster meet ${node}`),
    });
  }
  rejectOwner(follower);
  rejectLossOfCopy(spec, views, follower);
  return { primaryId: myself.id, isDone: false };
}

function rejectOwner({ name, table: { myself }, keyCount }: ReachableView): void {
  if (myself.role === 'replica') return;
  const slots = countSlots(myself.slots);
  if (slots > 0) {
    throw new StackError('USAGE', {
      message: `${name} still owns ${slots} slots: move them first`,
      hint: run(`cluster rebalance --weight ${name}=0`),
    });
  }
  if (keyCount > 0) {
    throw new StackError('USAGE', {
      message: `${name} holds ${keyCount} keys that no other node has: as a replica it would drop them`,
      hint: run(`redis-cli ${name} -- SCAN 0`),
    });
  }
}
