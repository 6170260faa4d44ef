import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { slotsOf } from '../../cluster/slots/slots.ts';
import type { ActionOf } from '../../plan/model/action.ts';
import type { ClusterAction } from '../../plan/cluster/plan-cluster.ts';
import { hasCode, StackError } from '../../errors.ts';
import { poll } from '../../poll.ts';
import { resetNode } from '../../redis/persistence.ts';
import { copyFunctions } from '../../redis/keys/copy-functions.ts';
import { renewClaims } from '../../redis/slots/renew-claims.ts';
import type { Nodes } from '../connect/with-nodes.ts';
import type { Session } from '../session/session.ts';
import { failOver } from './failover.ts';
import type { Execution } from './execution.ts';
import { lookAtCluster } from './live-cluster.ts';
import { executeMoves, primariesAmong } from './move-slots.ts';

/** What is one command and no more. */
type CommandAction = Exclude<ClusterAction, ActionOf<'replicate'>>;

/** One command of formation or membership. */
export async function sendCommand({ session, nodes }: Execution, action: CommandAction): Promise<void> {
  const link = nodes.get(action.target);
  await link.send('CLUSTER', ...words(action));
  // Whether its table on the disk says so too decides how the lost node begins.
  if (action.type === 'take over' && action.lost !== undefined)
    await poll(
      () => link.observe(),
      (view) => view.reachable && view.table.myself.role === 'primary',
      session,
    );
}

function words(action: CommandAction): (string | number)[] {
  switch (action.type) {
    case 'take over':
      return ['FAILOVER', 'TAKEOVER'];
    case 'forget':
      return ['FORGET', action.nodeId];
    case 'meet':
      return ['MEET', action.ip, action.port, action.busPort];
    case 'add slots':
      // ADDSLOTSRANGE came with Redis 7.0; this works with all.
      return ['ADDSLOTS', ...slotsOf([action.range])];
  }
}

/**
 * A node whose slots went to the primary that it is to follow may have notes of them, which it would keep as its replica,
 * and lose a slot with its keys on the day that it takes over: see `renewClaims`.
 */
export async function follow(
  { signal, timeoutMs }: Session,
  nodes: Nodes,
  views: readonly NodeView[],
  { node, primaryId }: { readonly node: string; readonly primaryId: string },
): Promise<void> {
  const primaries = primariesAmong(views.filter(isReachable), nodes);
  const target = primaries.find(({ link }) => link.name === node);
  const source = primaries.find(({ id }) => id === primaryId);
  const others = primaries.filter((peer) => peer !== source && peer !== target);
  if (source !== undefined && target !== undefined) await renewClaims({ source, target, others }, signal);
  // A node drops what it has before it answers that it follows another.
  await nodes.get(node).patient(timeoutMs).send('CLUSTER', 'REPLICATE', primaryId);
}

/** Side by side: who still knows it would tell the others of it again. Some may not know it. */
export async function forgetOwner({ nodes }: Execution, { nodeId }: ActionOf<'forget owner'>): Promise<void> {
  await Promise.allSettled(nodes.all.map((link) => link.send('CLUSTER', 'FORGET', nodeId)));
}

/** Slots with their keys, and with the functions, which aren't keys: they don't come with the slots. */
export async function move({ session, seen, nodes }: Execution, { moves }: ActionOf<'move slots'>): Promise<void> {
  const isIdle = (name: string): boolean =>
    seen.views.some((view) => view.name === name && isReachable(view) && view.table.myself.slots.length === 0);
  const newcomers = new Map(moves.filter(({ to }) => isIdle(to)).map(({ from, to }) => [to, from]));
  await Promise.all([...newcomers].map(([to, from]) => copyFunctions(nodes.get(from), [nodes.get(to)])));
  await executeMoves(session, nodes, moves, { leavesMark: true });
}

/**
 * The others forget it first: a node that was reset would leave a ghost with them. Gossip can't bring it back, as none of
 * them takes it from others for a minute.
 */
export async function removeNode(
  { session, desired, seen, nodes }: Execution,
  { target }: ActionOf<'remove node'>,
): Promise<void> {
  const views = seen.views.filter(isReachable);
  const id = views.find(({ name }) => name === target)?.table.myself.id;
  if (id === undefined) return;
  const knowing = views.filter(({ name, table }) => name !== target && table.rows.some((row) => row.id === id));
  await Promise.all(
    knowing.map(async ({ name }) => {
      const isStaying = desired.spec.nodes.some((node) => node.name === name);
      const forgotten = nodes.get(name).send('CLUSTER', 'FORGET', id);
      // Another that has just left knows nobody any more.
      await (isStaying ? forgotten : forgotten.catch(() => undefined));
    }),
  );
  await resetNode(nodes.get(target).patient(session.timeoutMs), 'hard', session);
}

export async function handOver({ session, nodes }: Execution, { target }: ActionOf<'fail over'>): Promise<void> {
  try {
    await failOver(session, await lookAtCluster(session, nodes), target, 'manual');
  } catch (error) {
    // It could when this was planned, a moment ago.
    throw hasCode(error, 'USAGE') ? new StackError('CHANGED_MEANWHILE', { message: error.message }) : error;
  }
}
