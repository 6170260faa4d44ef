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
export async function withinBounds<T>(work: Promise<T>, failing: string, bounds: Bounds): Promise<T> {
  return whileMoving(() => work, failing, bounds);
}

/** The same for work that may take long as long as it moves: each call of `onMove` gives it `timeoutMs` more. */
export async function whileMoving<T>(
  begin: (onMove: () => void) => Promise<T>,
  failing: string,
  { signal, timeoutMs }: Bounds,
): Promise<T> {
  const onTimeout = (): StackError =>
    new StackError('WAIT_TIMEOUT', {
      message: `${failing} within ${timeoutMs / 1000} s`,
      hint: 'Give it longer with --timeout SECONDS.',
    });
  let stopWaiting: () => void = () => undefined;
  let onMove: () => void = () => undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    const timer = setTimeout(() => reject(onTimeout()), timeoutMs);
    onMove = () => void timer.refresh();
    signal.addEventListener('abort', onAbort);
    stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
  });
  const work = begin(onMove);
  // Where nobody waits for it, nobody hears of its failure either.
  work.catch(() => undefined);
  try {
    return await Promise.race([bound, work]);
  } finally {
    stopWaiting();
  }
}

/** `signal.reason` is typed any, while it is always what throwIfAborted throws. */
function abortReason(signal: AbortSignal): Error {
  const { reason } = signal as { reason: unknown };
  return reason instanceof Error ? reason : new Error(String(reason));
}
