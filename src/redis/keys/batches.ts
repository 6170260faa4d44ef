/** `items` in groups of at most `most` together; one that is larger than that stands alone. The order is kept. */
export function groupBySize<T>(items: readonly T[], sizeOf: (item: T) => number, most: number): T[][] {
  const groups: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const own = sizeOf(item);
    if (size + own > most) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(item);
    size += own;
  }
  return groups;
}

/** The same items, with the next one already under way while one is being used. */
export async function* oneAhead<T>(items: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = items.next();
  for (;;) {
    const { value, done } = await next;
    if (done === true) return;
    next = items.next();
    // Who stops before its turn hears nothing of its failure.
    next.catch(() => undefined);
    yield value;
  }
}
