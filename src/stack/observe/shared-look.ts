/**
 * One look serves all who ask at the same time, and all who ask within `maxAgeMs` of its beginning: a thousand readers cost
 * what one costs. What a look fails with is shared in the same way.
 */
export function shareLooks<T>(look: () => Promise<T>, maxAgeMs: number): () => Promise<T> {
  let shared: Promise<T> | undefined;
  let isUnderWay = false;
  let begunAt = 0;
  return () => {
    if (shared !== undefined && (isUnderWay || performance.now() - begunAt < maxAgeMs)) return shared;
    begunAt = performance.now();
    isUnderWay = true;
    shared = look().finally(() => {
      isUnderWay = false;
    });
    return shared;
  };
}
