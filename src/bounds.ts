import { StackError } from './errors.ts';
import { durationText } from './units.ts';

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
      message: `${failing} within ${durationText(timeoutMs)}`,
      hint: 'Give it longer with --timeout SECONDS.',
    });
  let stopWaiting: () => void = () => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(abortReason(signal));
      const deadline = setDeadline(() => reject(onTimeout()), timeoutMs);
      signal.addEventListener('abort', onAbort);
      stopWaiting = () => {
        deadline.clear();
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) onAbort();
      // Where nobody waits for it, nobody hears of its failure either.
      begin(deadline.refresh).then(resolve, reject);
    });
  } finally {
    stopWaiting();
  }
}

interface Deadline {
  /** From now on it is as long again. */
  readonly refresh: () => void;
  readonly clear: () => void;
}

/**
 * A timer for what others let one wait for. Where this process itself was kept from working for so long, what has come
 * meanwhile is read first: Node.js runs timers before it reads.
 */
export function setDeadline(onLate: () => void, timeoutMs: number): Deadline {
  let late: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (late = setImmediate(onLate)), timeoutMs);
  return {
    refresh: () => {
      clearImmediate(late);
      timer.refresh();
    },
    clear: () => {
      clearImmediate(late);
      clearTimeout(timer);
    },
  };
}

/** `signal.reason` is typed any, while it is always what throwIfAborted throws. */
function abortReason(signal: AbortSignal): Error {
  const { reason } = signal as { reason: unknown };
  return reason instanceof Error ? reason : new Error(String(reason));
}
