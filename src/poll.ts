import pRetry from 'p-retry';
import type { Bounds } from './bounds.ts';

/** How long to pause between two looks, in ms: `min` at first, each pause `factor` times the one before, `max` at most. */
export interface Pace {
  readonly min: number;
  /** As `min` where it isn't said: then all pauses are alike. */
  readonly max?: number;
  readonly factor?: number;
  /** Each pause is up to twice as long, by chance. */
  readonly randomize?: boolean;
}

/** Often at first: most of what a command sets going is done within a tenth of a second. */
const USUAL: Pace = { min: 20, max: 500, factor: 1.2 };

interface PollOptions<T> extends Bounds {
  readonly pace?: Pace;
  /** What to end with when the time is up; without it, `poll` returns what was seen last. */
  readonly onTimeout?: (seen: T) => Error;
}

/**
 * Looks again and again until what is seen is what is waited for: the one way to wait in this program.
 *
 * @param look what it throws ends the wait
 * @throws what `onTimeout` gives; the reason of `signal`
 */
export async function poll<T>(
  look: () => Promise<T>,
  isDone: (seen: T) => boolean,
  { signal, timeoutMs, pace: { min, max = min, factor = 1, randomize = false } = USUAL, onTimeout }: PollOptions<T>,
): Promise<T> {
  const attempt = async (): Promise<T> => {
    const seen = await look();
    if (isDone(seen)) return seen;
    throw new NotYet(seen);
  };
  try {
    return await pRetry(attempt, {
      retries: Infinity,
      minTimeout: min,
      maxTimeout: max,
      factor,
      randomize,
      maxRetryTime: timeoutMs,
      signal,
      shouldRetry: ({ error }) => error instanceof NotYet,
    });
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was made above, of what `look` gave
    const seen = error.seen as T;
    if (onTimeout === undefined) return seen;
    throw onTimeout(seen);
  }
}

class NotYet extends Error {
  readonly seen: unknown;

  constructor(seen: unknown) {
    super('not yet');
    this.seen = seen;
  }
}
