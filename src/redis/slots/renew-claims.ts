import { satisfies } from 'semver';
import { slotsOf, holdsSlot } from '../../cluster/slots/slots.ts';
import { isReachable, rowOf, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { poll } from '../../poll.ts';
import type { Peer, Route } from './route.ts';
import { durationText } from '../../units.ts';

/**
 * Has the target go through all of the source's claims to slots, before it takes any of them: as the target of a move, or as
 * its replica, one day.
 *
 * Some versions of Redis note of a slot that its owner once did not claim it, and keep the note when SETSLOT gives the slot
 * to another node (redis/redis#12344, mended by #12564). Where the target has such a note, the source's next claim takes
 * the slot back from it, whatever the epochs: the target deletes its keys, and the source has given it away meanwhile. Only
 * a claim that is on its way just then does that, so it is rare, and less rare on a busy machine.
 *
 * The notes on the source's slots go when the target compares its claims one by one, which it only does where they differ
 * from what it believes. So the target is made to believe for a moment that one of them is another primary's. The source's
 * next message, which is asked for, corrects that; where this process is killed, gossip does. Whoever asks the target for a
 * key of that one slot is sent on to the other primary meanwhile, and from there to the source.
 *
 * @throws StackError WAIT_TIMEOUT where the target doesn't hear from the source; the reason of `signal`
 */
export async function renewClaims({ source, target, others }: Route, signal: AbortSignal): Promise<void> {
  const before = await target.link.observe();
  if (!isReachable(before) || !keepsNotes(before.redisVersion)) return;
  const slot = closedSlotOf(source, before);
  const third = oldestOf(others, before);
  // Of two primaries no other could own it; a slot that the target has opened itself is no gossip's to correct.
  if (slot === undefined || third === undefined) return;
  const { ip, port, busPort } = before.table.myself;
  // A stronger claim than the third's is enough; else the third has to say first that the slot is not its own.
  const asked = epochOf(third, before) < epochOf(source, before) ? [source] : [source, third];
  // To a node that is known already this is a message like any other, sent within a tenth of a second.
  const askForMessages = (): Promise<unknown> =>
    Promise.allSettled(asked.map(({ link }) => link.send('CLUSTER', 'MEET', ip, port, busPort)));
  await askForMessages();
  await target.link.send('CLUSTER', 'SETSLOT', slot, 'NODE', third.id);
  let looks = 0;
  const hasHeard = async (): Promise<boolean> => {
    looks += 1;
    if (looks % LOOKS_A_MESSAGE === 0) await askForMessages();
    const view = await target.link.observe();
    return isReachable(view) && !holdsSlot(rowOf(view, third.id)?.slots ?? [], slot);
  };
  if (await poll(hasHeard, Boolean, { signal, timeoutMs: HEARING_MS, pace: { min: 10 } })) return;
  await target.link.send('CLUSTER', 'SETSLOT', slot, 'NODE', source.id);
  throw new StackError('WAIT_TIMEOUT', {
    message: `${target.link.name} did not hear from ${source.link.name} within ${durationText(HEARING_MS)}, so nothing was changed`,
    hint: run('cluster check'),
  });
}

/** Also where a node pings each of many others only every few seconds. */
const HEARING_MS = 15_000;
const LOOKS_A_MESSAGE = 15;

/** 7.0.13 to 7.0.15, and 7.2.0 to 7.2.3. Earlier ones take no notes, and later ones and Valkey drop them in time. */
export function keepsNotes(redisVersion: string): boolean {
  return satisfies(redisVersion, '7.0.13 - 7.0.x || 7.2.0 - 7.2.3');
}

function closedSlotOf(source: Peer, view: ReachableView): number | undefined {
  const open = new Set(view.table.myself.openSlots.map(({ slot }) => slot));
  return slotsOf(rowOf(view, source.id)?.slots ?? []).find((slot) => !open.has(slot));
}

function oldestOf(others: readonly Peer[], view: ReachableView): Peer | undefined {
  return others
    .filter((peer) => rowOf(view, peer.id)?.role === 'primary')
    .toSorted((one, other) => epochOf(one, view) - epochOf(other, view))
    .at(0);
}

function epochOf(peer: Peer, view: ReachableView): number {
  return rowOf(view, peer.id)?.configEpoch ?? Infinity;
}
