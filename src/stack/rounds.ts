import pRetry from 'p-retry';
import { StackError } from '../errors.ts';
import type { Session } from './session.ts';

/**
 * Runs `round` (observe, plan, execute) again for as long as it finds that what it observed isn't so any more: another
 * process works on the same stack, or the engine still carries out the last calls of one that was killed.
 */
export function inRounds<T>({ signal, timeoutMs }: Session, round: () => Promise<T>): Promise<T> {
  return pRetry(round, {
    retries: 20,
    minTimeout: 50,
    factor: 1.5,
    maxTimeout: 500,
    maxRetryTime: timeoutMs,
    signal,
    shouldRetry: ({ error }) => error instanceof StackError && error.code === 'CHANGED_MEANWHILE',
  });
}
