import { StackError } from './errors.ts';

/** How long a wait may take, and what ends it sooner. */
export interface Bounds {
  /** Aborted with the StackError to end with. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * `work`, or the reason for which nobody waits for it any longer. The work itself goes on unseen.
 *
 * @throws StackError WAIT_TIMEOUT after `timeoutMs`; whatever `signal` was aborted with.
 */
export async function withinBounds<T>(work: Promise<T>, failing: string, { signal, timeoutMs }: Bounds): Promise<T> {
  // Where nobody waits for it, nobody hears of its failure either.
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stopWaiting: () => void = () => undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    const onTimeout = (): void =>
      reject(
        new StackError('WAIT_TIMEOUT', {
          message: `${failing} within ${timeoutMs / 1000} s`,
          hint: 'Give it longer with --timeout SECONDS.',
        }),
      );
    const timer = setTimeout(onTimeout, timeoutMs);
    signal.addEventListener('abort', onAbort);
    stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    stopWaiting();
  }
}

/** `signal.reason` is typed any, while it is always what throwIfAborted throws. */
function abortReason(signal: AbortSignal): Error {
  const { reason } = signal as { reason: unknown };
  return reason instanceof Error ? reason : new Error(String(reason));
}
