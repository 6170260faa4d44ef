import { halfWayText } from '../../../cluster/slots/open-moves.ts';
import { planReshard } from '../../../cluster/slots/plan-reshard.ts';
import { countSlots, SLOT_COUNT, type SlotMove, type SlotOwner } from '../../../cluster/slots/slots.ts';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { findOwner, halfWay, moveSlots, type MoveOptions, type PlannedMoves } from './planned-moves.ts';
import { findNode, type Session } from '../../session/session.ts';

interface ReshardOptions extends MoveOptions {
  /** All: every primary but the target. */
  readonly from: readonly string[] | 'all';
  readonly to: string;
  readonly count: number;
}

/**
 * Moves `count` slots with their keys to one primary, from each source in proportion to what it owns. Slots that an
 * interrupted run left half-way on one of these routes are finished first, and count: the same call again goes on.
 *
 * @throws StackError USAGE before anything is changed
 */
export function reshard(session: Session, options: ReshardOptions): Promise<PlannedMoves> {
  checkInput(session, options);
  return moveSlots(session, options, ({ owners, open }) => {
    const target = findOwner(session, owners, options.to);
    const sources =
      options.from === 'all'
        ? owners.filter(({ name }) => name !== target.name)
        : [...new Set(options.from.map((name) => findOwner(session, owners, name)))];

    const isOurs = ({ from, to }: SlotMove): boolean => to === target.name && sources.some(({ name }) => name === from);
    const others = open.begun.filter((move) => !isOurs(move));
    if (others.length > 0) throw halfWay(session, others);
    checkCount(options.count, sources, target, open.begun);
    const request = { from: sources.map(({ name }) => name), to: target.name, count: options.count, begun: open.begun };
    return planReshard(owners, request);
  });
}

/** What can be told without asking any node. */
function checkInput(session: Session, { from, to, count }: ReshardOptions): void {
  if (!Number.isInteger(count) || count < 1 || count > SLOT_COUNT) {
    throw new StackError('USAGE', {
      message: `${count} is no number of slots: it must be a whole number from 1 to ${SLOT_COUNT}`,
    });
  }
  const target = findNode(session, to);
  if (from === 'all') return;
  const sources = from.map((name) => findNode(session, name));
  if (sources.length === 0) throw new StackError('USAGE', { message: 'no node is named that the slots come from' });
  if (sources.includes(target)) {
    throw new StackError('USAGE', {
      message: `${target.name} can't be source and target at once`,
      hint: 'Name other nodes as the sources, or all.',
    });
  }
}

function checkCount(count: number, sources: readonly SlotOwner[], target: SlotOwner, begun: readonly SlotMove[]): void {
  const owned = countSlots(sources.flatMap(({ slots }) => slots));
  if (owned < count) {
    const names = sources.map(({ name }) => name).join(', ');
    const owns = sources.length === 1 ? `owns ${owned} slots` : `own ${owned} slots together`;
    throw new StackError('USAGE', {
      message: `${names} ${owns}, fewer than the ${count} asked for`,
      // Where an interrupted run left no slot open, nothing tells how many it had moved.
      details: ['the cluster is whole, and what an interrupted run moved has its new owner', ...begun.map(halfWayText)],
      hint:
        begun.length > 0
          ? hint`${run('cluster fix')}   # finishes what is half-way`
          : hint`${run('cluster slots')}   # who owns what`,
    });
  }
  const begunCount = begun.reduce((sum, { slots }) => sum + slots.length, 0);
  if (begunCount <= count) return;
  throw new StackError('USAGE', {
    message: `${begunCount} slots are half-way to ${target.name} already, more than the ${count} asked for`,
    hint: hint`Ask for ${begunCount} slots or more, or: ${run('cluster fix')}`,
  });
}
