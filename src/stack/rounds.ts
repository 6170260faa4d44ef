import pRetry from 'p-retry';
import { StackError } from '../errors.ts';
import type { Session } from './session.ts';

/**
 * Runs `round` (observe, plan, execute) again for as long as it finds that what it observed isn't so any more: another
 * process works on the same stack, or the engine still carries out the last calls of one that was killed.
 *
 * A port, a subnet or an address that the engine itself holds in this moment is waited for, for about three seconds: if
 * it is somebody else's, it is his afterwards, too.
 */
export function inRounds<T>(
  { signal, timeoutMs }: Pick<Session, 'signal' | 'timeoutMs'>,
  round: () => Promise<T>,
): Promise<T> {
  const mostRoundsForOthers = 10;
  return pRetry(round, {
    retries: 20,
    minTimeout: 50,
    factor: 1.5,
    maxTimeout: 500,
    maxRetryTime: timeoutMs,
    signal,
    shouldRetry: ({ error, attemptNumber }) =>
      error instanceof StackError &&
      error.isPassing &&
      (error.code === 'CHANGED_MEANWHILE' || attemptNumber <= mostRoundsForOthers),
  });
}
