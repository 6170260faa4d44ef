import pRetry from 'p-retry';
import { errorMessage, hasCode, StackError } from '../errors.ts';
import type { Bounds } from '../bounds.ts';
import { durationText } from '../units.ts';

/** Told when an engine that has answered before is away, and when it is back. */
export interface OnAbsence {
  readonly onAway: (timeoutMs: number) => void;
  readonly onBack: () => void;
}

/** What patience needs to know of an engine. */
interface Presence extends OnAbsence {
  /** Asks it anything, over a new connection. */
  readonly ask: () => Promise<unknown>;
}

/** How calls are made of an engine that may be restarted meanwhile. */
interface Patience {
  /** A call that changes nothing is made again until the engine answers. */
  readonly reading: <T>(call: () => Promise<T>) => Promise<T>;
  /**
   * A call that changes something is never made again by itself: nobody knows whether it was carried out. Its failure is
   * a passing one, so that its caller looks and plans again.
   */
  readonly changing: <T>(call: () => Promise<T>) => Promise<T>;
}

const POLLING = { retries: Infinity, minTimeout: 100, factor: 1.3, maxTimeout: 1000 };

/**
 * Waits for an engine that was restarted, and only for one that has answered before: one that isn't there from the
 * beginning won't come by being waited for.
 *
 * @throws StackError ENGINE_UNREACHABLE when it was away for `timeoutMs`; whatever `signal` was aborted with
 */
export function createPatience({ signal, timeoutMs }: Bounds, { ask, onAway, onBack }: Presence): Patience {
  let hasAnswered = false;
  let isAway = false;
  const observed = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const result = await call();
      answered();
      return result;
    } catch (error) {
      const failure = await absenceBehind(error);
      if (isAbsence(failure) && hasAnswered && !isAway) {
        isAway = true;
        onAway(timeoutMs);
      }
      throw failure;
    }
  };
  /**
   * An engine that is told to end answers what is under way with any words that come of it: `database not open`. It takes
   * no new connections then.
   */
  const absenceBehind = async (error: unknown): Promise<unknown> => {
    if (!hasCode(error, 'ENGINE_FAILED')) return error;
    try {
      await ask();
      answered();
      return error;
    } catch (absence) {
      signal.throwIfAborted();
      return isAbsence(absence) ? absence : error;
    }
  };
  const answered = (): void => {
    hasAnswered = true;
    if (isAway) onBack();
    isAway = false;
  };
  const untilBack = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const shouldRetry = ({ error }: { error: Error }): boolean => isAbsence(error);
      return await pRetry(() => observed(call), { ...POLLING, signal, maxRetryTime: timeoutMs, shouldRetry });
    } catch (error) {
      if (!isAbsence(error)) throw error;
      throw new StackError('ENGINE_UNREACHABLE', {
        message: `${errorMessage(error)}, for longer than ${durationText(timeoutMs)}`,
        hint: 'Start the engine, then run the same command again: it goes on where it stopped.',
        cause: error,
      });
    }
  };
  const unlessAway = async <T>(call: () => Promise<T>, whenAway: (absence: StackError) => Promise<T>): Promise<T> => {
    try {
      return await observed(call);
    } catch (error) {
      if (!isAbsence(error) || !hasAnswered) throw error;
      return whenAway(error);
    }
  };
  return {
    reading: (call) => unlessAway(call, () => untilBack(call)),
    changing: (call) =>
      unlessAway(call, ({ message, hint, cause }) => {
        throw new StackError('ENGINE_UNREACHABLE', { message, ...(hint && { hint }), cause, isPassing: true });
      }),
  };
}

/** Calls are made once, and what they fail with is what they fail with. */
export const IMPATIENT: Patience = { reading: (call) => call(), changing: (call) => call() };

function isAbsence(error: unknown): error is StackError {
  return hasCode(error, 'ENGINE_UNREACHABLE');
}
