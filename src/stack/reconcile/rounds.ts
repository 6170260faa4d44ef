import pRetry from 'p-retry';
import { StackError, type FailureCode } from '../../errors.ts';
import type { Session } from '../session/session.ts';

/**
 * Runs `round` (observe, plan, execute) again for as long as it finds that what it observed isn't so any more: another
 * process works on the same stack, or the engine still carries out the last calls of one that was killed.
 *
 * A port, a subnet or an address that the engine itself holds in this moment is waited for, for about three seconds: if
 * it is somebody else's, it is his afterwards, too.
 *
 * An engine that was restarted in the middle of a call has answered again when the next round has observed: who observes
 * waits for it, and every wait has its own bound.
 */
export function inRounds<T>({ signal }: Pick<Session, 'signal'>, round: () => Promise<T>): Promise<T> {
  const mostRoundsForOthers = 10;
  return pRetry(round, {
    retries: 20,
    minTimeout: 50,
    factor: 1.5,
    maxTimeout: 500,
    signal,
    shouldRetry: ({ error, attemptNumber }) =>
      error instanceof StackError &&
      error.isPassing &&
      (error.code === 'CHANGED_MEANWHILE' ||
        error.code === 'ENGINE_UNREACHABLE' ||
        attemptNumber <= mostRoundsForOthers),
  });
}

/**
 * Runs `work` again where containers that it found running were stopped or removed since, or no longer answer: the engine
 * was restarted, or still carried out the last call of a command that was killed.
 *
 * @param work told how often it was disturbed before
 */
export function untilUndisturbed<T>({ signal }: Session, work: (disturbances: number) => Promise<T>): Promise<T> {
  return pRetry((attemptNumber) => work(attemptNumber - 1), {
    retries: 5,
    minTimeout: 100,
    factor: 2,
    signal,
    shouldRetry: ({ error }) => error instanceof StackError && error.isPassing && DISTURBANCES.has(error.code),
  });
}

const DISTURBANCES: ReadonlySet<FailureCode> = new Set([
  'CONTAINER_EXITED',
  'NOT_RUNNING',
  'ENGINE_UNREACHABLE',
  'CLUSTER_UNHEALTHY',
]);
