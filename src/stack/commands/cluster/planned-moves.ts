import { findOpenMoves, halfWayText, type OpenMoves } from '../../../cluster/slots/open-moves.ts';
import type { SlotMove, SlotOwner } from '../../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import { findNode, requireHosts, type Session } from '../../session/session.ts';
import { withNodes, type Nodes } from '../../connect/with-nodes.ts';
import { viewNodes } from '../../observe/observe-nodes.ts';
import { poll } from '../../../poll.ts';
import { executeMoves, type Moved } from '../../execute/move-slots.ts';
import { findHoles } from './whole-cluster.ts';

export interface MoveOptions {
  /** Only plan; nothing is changed. */
  readonly simulate: boolean;
  /** Told what is going to be done before it is. */
  readonly onPlan?: (moves: readonly SlotMove[]) => void;
}

/** All zeros where nothing was carried out. */
export interface PlannedMoves extends Moved {
  readonly moves: readonly SlotMove[];
}

interface ObservedOwners {
  /** All primaries, in the order of the YAML file. */
  readonly owners: readonly SlotOwner[];
  readonly open: OpenMoves;
}

/**
 * Moves what `plan` says, of a cluster that is whole.
 *
 * @throws StackError USAGE with everything that is in the way of moving slots
 */
export function moveSlots(
  session: Session,
  { simulate, onPlan = () => undefined }: MoveOptions,
  plan: (observed: ObservedOwners) => readonly SlotMove[],
): Promise<PlannedMoves> {
  return withNodes(session, async (nodes) => {
    const observed = await observeOwners(session, nodes);
    const moves = plan(observed);
    onPlan(moves);
    const nothing = { moves, slots: 0, keys: 0, elapsedMs: 0 };
    if (simulate) return nothing;
    await closeHandedOver(nodes, observed.open.handedOver);
    return moves.length === 0 ? nothing : { moves, ...(await executeMoves(session, nodes, moves)) };
  });
}

/**
 * Who owns what, of a cluster that is whole. It may have another number of primaries with slots than the YAML file asks
 * for: that is what moves are made for.
 */
async function observeOwners(session: Session, nodes: Nodes): Promise<ObservedOwners> {
  const { spec } = session;
  const views = await observeWhole(session, nodes);
  const open = findOpenMoves(views);
  if (open.unclear.length > 0) throw halfWay(session, open.unclear);
  const owners = spec.nodes.flatMap(({ name }) => {
    const myself = views.find((view) => view.name === name)?.table.myself;
    return myself?.role === 'primary' ? [{ name, slots: myself.slots }] : [];
  });
  return { owners, open };
}

/** Gossip needs less than this to tell every node of a change. */
const SETTLING_MS = 2000;

/** A run that was killed a moment ago leaves nodes that don't agree yet: they are given the time to. */
async function observeWhole(session: Session, nodes: Nodes): Promise<readonly ReachableView[]> {
  const look = async () => {
    const views = await viewNodes(session, nodes.all);
    return { views, problems: findHoles(session, views) };
  };
  const isEnd = ({ views, problems }: Awaited<ReturnType<typeof look>>): boolean =>
    problems.length === 0 || !views.every(isReachable);
  const { views, problems } = await poll(look, isEnd, { ...session, timeoutMs: SETTLING_MS });
  if (problems.length === 0) return views.filter(isReachable);
  requireHosts(session, session.spec.nodes, 'no slots are moved');
  throw new StackError('USAGE', {
    message: `the cluster of ${session.spec.name} is not whole, so no slots are moved`,
    details: problems,
    hint: views.every(isReachable) ? run('cluster fix') : run('up'),
  });
}

/**
 * A run that was killed between the two ends of a handover. The slot is the other node's, and everybody knows: it is only
 * marked as leaving. If it came back one day, the mark would send its clients away.
 */
async function closeHandedOver(nodes: Nodes, moves: readonly SlotMove[]): Promise<void> {
  for (const { from, slots } of moves) {
    for (const slot of slots) await nodes.get(from).send('CLUSTER', 'SETSLOT', slot, 'STABLE');
  }
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
    hint: run('cluster fix'),
  });
}
