import { planRebalance } from '../../../cluster/slots/plan-rebalance.ts';
import type { SlotMove, SlotOwner } from '../../../cluster/slots/slots.ts';
import { StackError } from '../../../errors.ts';
import { findOwner, halfWay, moveSlots, type MoveOptions, type PlannedMoves } from './planned-moves.ts';
import { findNode, type Session } from '../../session/session.ts';

interface RebalanceOptions extends MoveOptions {
  /** Node and weight; 1 for all that aren't named, 0 for one that is to own nothing. */
  readonly weights: readonly (readonly [node: string, weight: number])[];
  /** Nothing moves as long as every primary is off its share by this at most. */
  readonly thresholdPercent: number;
  /** Also give slots to primaries that own none. */
  readonly useEmptyPrimaries: boolean;
}

const MOST_WEIGHT = 1_000_000;

/**
 * Moves slots with their keys until every primary owns its share by weight. Slots that an interrupted run left half-way are
 * finished, as long as they are on the way there.
 *
 * @throws StackError USAGE before anything is changed
 */
export function rebalance(session: Session, options: RebalanceOptions): Promise<PlannedMoves> {
  const { thresholdPercent, useEmptyPrimaries } = options;
  const weights = checkInput(session, options);
  return moveSlots(session, options, ({ owners, open }) => {
    for (const [name, weight] of weights) checkTakesPart(findOwner(session, owners, name), weight, options);
    const parties = owners.filter(({ slots }) => useEmptyPrimaries || slots.length > 0);
    if (parties.every(({ name }) => weights.get(name) === 0)) {
      throw new StackError('USAGE', {
        message: 'every primary that takes part has weight 0: somebody has to own the slots',
        hint: 'Give one of them a weight above 0, or let empty primaries take part with --use-empty-primaries.',
      });
    }
    const request = { weights, thresholdPercent, useEmptyPrimaries, begun: open.begun };
    const moves = planRebalance(owners, request);
    const others = open.begun.map((begun) => without(begun, moves)).filter(({ slots }) => slots.length > 0);
    if (others.length > 0) throw halfWay(session, others);
    return moves;
  });
}

/** What can be told without asking any node. @returns weights by the names of the YAML file */
function checkInput(session: Session, { weights, thresholdPercent }: RebalanceOptions): Map<string, number> {
  if (!(thresholdPercent >= 0 && thresholdPercent < Infinity)) {
    throw new StackError('USAGE', { message: `${thresholdPercent} is no threshold: it must be 0 percent or more` });
  }
  const byName = new Map<string, number>();
  for (const [given, weight] of weights) {
    const { name } = findNode(session, given);
    if (!(weight >= 0 && weight <= MOST_WEIGHT)) {
      throw new StackError('USAGE', {
        message: `${weight} is no weight for ${name}: it must be a number from 0 to ${MOST_WEIGHT}`,
      });
    }
    if (byName.has(name)) throw new StackError('USAGE', { message: `${name} is given two weights` });
    byName.set(name, weight);
  }
  return byName;
}

/** A weight without any effect is a mistake, and better told than left out. */
function checkTakesPart({ name, slots }: SlotOwner, weight: number, { useEmptyPrimaries }: RebalanceOptions): void {
  if (slots.length > 0 || useEmptyPrimaries || weight === 0) return;
  throw new StackError('USAGE', {
    message: `${name} owns no slots, so it takes no part whatever its weight is`,
    hint: 'Let it take part with --use-empty-primaries.',
  });
}

/** What of `begun` none of `moves` finishes. */
function without(begun: SlotMove, moves: readonly SlotMove[]): SlotMove {
  const planned = moves.filter(({ from, to }) => from === begun.from && to === begun.to).flatMap(({ slots }) => slots);
  const finished = new Set(planned);
  return { ...begun, slots: begun.slots.filter((slot) => !finished.has(slot)) };
}
