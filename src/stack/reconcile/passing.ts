import pRetry from 'p-retry';
import { StackError, type FailureCode } from '../../errors.ts';
import type { Session } from '../session/session.ts';

/** How often each may pass by before it is a failure: another process works on the same stack, or the engine was restarted. */
const PATIENCE: Readonly<Partial<Record<FailureCode, number>>> = {
  CHANGED_MEANWHILE: 20,
  // Each takes the engine 20 seconds.
  ATTACH_FAILED: 2,
  // Of several hosts that have just begun, or reach each other again, the swarm has no leader yet: that takes half a minute.
  ENGINE_FAILED: 80,
  ENGINE_UNREACHABLE: 20,
  CONTAINER_EXITED: 5,
  NOT_RUNNING: 5,
  NODE_DISCONNECTED: 5,
  CLUSTER_UNHEALTHY: 5,
};
/** A port, a subnet or an address that the engine itself holds: what is somebody else's is his afterwards, too. */
const PATIENCE_FOR_OTHERS = 10;

/**
 * Runs `work` again after a failure that passes by itself: what was observed isn't so any more, or the engine still carries
 * out the last calls of a command that was killed.
 *
 * @param onDisturbed told of each failure
 * @param lasting codes that are not waited for here, although they may pass
 * @throws what `work` throws where it isn't one of these, or there were too many
 */
export async function whilePassing<T>(
  { signal }: Pick<Session, 'signal'>,
  work: () => Promise<T>,
  onDisturbed: () => void = () => undefined,
  lasting: readonly FailureCode[] = [],
): Promise<T> {
  const counts = new Map<FailureCode, number>();
  const count = (code: FailureCode): number => {
    const number = (counts.get(code) ?? 0) + 1;
    counts.set(code, number);
    return number;
  };
  return pRetry(work, {
    retries: Infinity,
    minTimeout: 75,
    factor: 1.5,
    maxTimeout: 500,
    signal,
    onFailedAttempt: onDisturbed,
    shouldRetry: ({ error }) =>
      error instanceof StackError &&
      error.isPassing &&
      !lasting.includes(error.code) &&
      count(error.code) <= (PATIENCE[error.code] ?? PATIENCE_FOR_OTHERS),
  });
}
