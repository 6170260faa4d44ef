import type { SlotMove } from '../../../cluster/slots/slot-move.ts';
import { linkNodes } from '../../connect/links.ts';
import { executeMoves, type Moved } from '../../execute/move-slots.ts';
import type { ObservedOwners } from './observe-owners.ts';
import { requirePassword } from '../../connect/passwords.ts';
import type { Session } from '../../session/session.ts';

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

export async function carryOutMoves(
  session: Session,
  { open }: ObservedOwners,
  moves: readonly SlotMove[],
  { simulate, onPlan = () => undefined }: MoveOptions,
): Promise<PlannedMoves> {
  onPlan(moves);
  const nothing = { moves, slots: 0, keys: 0, elapsedMs: 0 };
  if (simulate) return nothing;
  await closeHandedOver(session, open.handedOver);
  return moves.length === 0 ? nothing : { moves, ...(await executeMoves(session, moves)) };
}

/**
 * A run that was killed between the two ends of a handover. The slot is the other node's, and everybody knows: it is only
 * marked as leaving. If it came back one day, the mark would send its clients away.
 */
async function closeHandedOver(session: Session, moves: readonly SlotMove[]): Promise<void> {
  if (moves.length === 0) return;
  const links = await linkNodes(session, await requirePassword(session));
  try {
    for (const { from, slots } of moves) {
      const link = links.find(({ name }) => name === from);
      for (const slot of slots) await link?.send('CLUSTER', 'SETSLOT', slot, 'STABLE');
    }
  } finally {
    for (const link of links) link.close();
  }
}
