import { StackError } from '../../errors.ts';
import type { Hint } from '../../hint.ts';
import { poll, type Pace } from '../../poll.ts';
import { durationText } from '../../units.ts';
import type { Session } from './session.ts';

/** Of the YAML file no more than the name: `down` does without one. */
type Place = Pick<Session, 'report' | 'signal' | 'timeoutMs'> & {
  readonly spec: Pick<Session['spec'], 'name'>;
};

/** Who changes the stack, or is about to. */
export interface Holder {
  /** `up (process 4711)` */
  readonly text: string;
  /** How it comes to an end. */
  readonly hint: Hint;
}

/** Where those who want the lock of a stack see each other. Its methods belong to one who wants it. */
export interface LockMedium {
  /** How often it is looked. */
  readonly pace: Pace;
  /** Another that is still there. @param isSweeping removes what the dead have left, as it does unless it is told not to */
  readonly findOther: (isSweeping?: boolean) => Promise<Holder | undefined>;
  /** @returns why the others can't be told */
  readonly announce: (doing: string) => Promise<Refusal | undefined>;
  /** Never fails. */
  readonly withdraw: () => Promise<void>;
  /** Where others can't see the holder's process, and wait for signs of life. */
  readonly life?: Life;
}

interface Refusal {
  readonly why: string;
  readonly hint: Hint;
}

interface Life {
  readonly beatMs: number;
  /** Shows that the holder is there. @returns who has taken the lock from it */
  readonly beat: () => Promise<Holder | undefined>;
  /** It has shown nothing for a while: its machine slept, or reached none of the others. */
  readonly isDoubtful: () => boolean;
}

export interface StackLock {
  /** Somebody else had it until now: what was read before may be out of date. */
  readonly hasWaited: boolean;
  /** Before each change. @throws StackError LOCKED when another has taken it */
  readonly confirm: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/**
 * Waits until nobody else changes the stack, and keeps others waiting until the lock is released. A process that has died
 * keeps nobody.
 *
 * Each announces itself in a place of its own, and then looks for others; of two at the same moment at least one sees the
 * other. So nothing is ever taken from anybody who is there, and what the dead have left may be deleted by all.
 *
 * @param doing the command, for who waits
 * @param onLost told with what to end when another has taken it
 * @throws StackError LOCKED when the wait takes longer than the session's bound
 */
export async function lockStack(
  place: Place,
  doing: string,
  medium: LockMedium,
  onLost: (reason: StackError) => void = () => undefined,
): Promise<StackLock> {
  const { spec, report, signal, timeoutMs } = place;
  const { pace, findOther, announce, withdraw, life } = medium;
  let waitedFor: Holder | undefined;
  let isAnnounced = false;
  const waitFor = async (): Promise<Holder | undefined> => {
    // Mostly there is nobody. Who has seen somebody looks first, and disturbs no others.
    let other = waitedFor && (await findOther());
    if (other === undefined) {
      const refusal = await announce(doing);
      isAnnounced = refusal === undefined;
      other = await findOther();
      if (other !== undefined) await withdraw();
      else if (refusal !== undefined) {
        const text = `others are not kept from changing it: ${refusal.why}`;
        report({ subject: 'lock', state: 'failed', text, hint: refusal.hint });
      }
    }
    if (other !== undefined) {
      report({ subject: 'lock', state: 'running', text: `waits for ${other.text}, which changes ${spec.name}` });
    }
    waitedFor = other ?? waitedFor;
    return other;
  };
  const onTimeout = (other: Holder | undefined): StackError =>
    new StackError('LOCKED', {
      message: `${spec.name} is being changed by ${other?.text ?? ''}, for longer than ${durationText(timeoutMs)}`,
      hint: other?.hint ?? '',
    });
  try {
    await poll(waitFor, (other) => other === undefined, { signal, timeoutMs, pace, onTimeout });
  } catch (error) {
    await withdraw();
    throw error;
  }
  if (waitedFor !== undefined) {
    report({ subject: 'lock', state: 'done', text: `nobody else changes it now; waited for ${waitedFor.text}` });
  }
  let loss: StackError | undefined;
  const beat = async (): Promise<void> => {
    const taker = await life?.beat();
    if (taker === undefined) return;
    stop();
    loss = new StackError('LOCKED', {
      message: `${spec.name} is being changed by ${taker.text}: nothing was heard of this command for so long that it was taken for dead; stopped half-way, nothing is lost`,
      hint: 'Run the same command again: it goes on where it stopped.',
    });
    onLost(loss);
  };
  // Hosts that don't answer in this moment are asked again with the next beat.
  const timer =
    life === undefined || !isAnnounced ? undefined : setInterval(() => void beat().catch(() => undefined), life.beatMs);
  timer?.unref();
  const stop = (): void => clearInterval(timer);
  return {
    hasWaited: waitedFor !== undefined,
    confirm: async () => {
      if (isAnnounced && loss === undefined && life?.isDoubtful() === true) await beat();
      if (loss !== undefined) throw loss;
    },
    release: async () => {
      stop();
      await withdraw();
    },
  };
}
