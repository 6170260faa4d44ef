import { actionKey, type Action } from '../../../plan/model/action.ts';

/** What is to be done once more waits so long, and then for twice as long each time. */
export const AGAIN = { min: 5000, max: 60_000, factor: 2 };

/** What is done for the first time is done at once; the same again only after a while. */
export function startPauses() {
  const tried = new Set<string>();
  let pauseMs = 0;
  let overAt = 0;
  let calmSince: number | undefined;
  return {
    isOver: (actions: readonly Action[]): boolean => {
      calmSince = undefined;
      const keys = actions.map(actionKey);
      const isNew = keys.some((key) => !tried.has(key));
      if (!isNew && performance.now() < overAt) return false;
      pauseMs = isNew ? AGAIN.min : Math.min(pauseMs * AGAIN.factor, AGAIN.max);
      for (const key of keys) tried.add(key);
      return true;
    },
    after: async (doing: () => Promise<void>): Promise<void> => {
      try {
        await doing();
      } finally {
        overAt = performance.now() + pauseMs;
      }
    },
    /** A node that ends again and again is whole in between. */
    calm: (): void => {
      calmSince ??= performance.now();
      if (performance.now() - calmSince > AGAIN.max) tried.clear();
    },
  };
}
