/** How many keys go into one turn. */
export interface Pace {
  readonly keys: () => number;
  /** @param keyCount how many this turn moves */
  readonly timed: <T>(turn: () => Promise<T>, keyCount: number) => Promise<T>;
}

/** The source serves nobody while it migrates what it was sent in one go: this long, about, and then others have a turn. */
const TURN_MS = 10;
const FIRST_KEYS = 64;
const MOST_KEYS = 1024;
const REMEMBERED_TURNS = 8;

/**
 * Learnt from the turns before: a key may have 10 bytes or 50 MB. The quickest of the last ones counts, since a slow one
 * may have waited for another process; but one that was slower by far shows that the keys are larger now.
 *
 * @param now milliseconds of a clock that never goes back
 */
export function newPace(now = (): number => performance.now()): Pace {
  let keys = FIRST_KEYS;
  let recent: readonly number[] = [];
  return {
    keys: () => keys,
    timed: async (turn, keyCount) => {
      const start = now();
      const result = await turn();
      const elapsedMs = now() - start;
      const remembered = elapsedMs > 10 * TURN_MS ? [] : recent;
      recent = [...remembered, elapsedMs / keyCount].slice(-REMEMBERED_TURNS);
      const fitting = Math.floor(TURN_MS / Math.min(...recent));
      keys = Math.max(1, Math.min(fitting, keys * 2, MOST_KEYS));
      return result;
    },
  };
}
