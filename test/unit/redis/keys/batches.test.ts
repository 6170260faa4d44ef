import { array, assert, nat, property } from 'fast-check';
import { expect, test } from 'vitest';
import { groupBySize, oneAhead } from '../../../../src/redis/keys/batches.ts';

test('groups hold every item in its order, none is over the bound unless it stands alone', () => {
  assert(
    property(array(nat(20)), (sizes) => {
      const groups = groupBySize(sizes, (size) => size, 10);
      expect(groups.flat()).toEqual(sizes);
      for (const group of groups) {
        expect(group.length).toBeGreaterThan(0);
        expect(group.length === 1 || group.reduce((sum, size) => sum + size, 0) <= 10).toBe(true);
      }
    }),
  );
  expect(groupBySize([4, 4, 4, 11, 1], (size) => size, 10)).toEqual([[4, 4], [4], [11], [1]]);
});

test('the next item is under way while one is used, and no further one', async () => {
  const begun: number[] = [];
  async function* items(): AsyncGenerator<number, void> {
    for (const item of [1, 2, 3]) {
      begun.push(item);
      yield item;
    }
  }
  const seen: string[] = [];
  for await (const item of oneAhead(items())) seen.push(`${item} of ${begun.join()}`);
  expect(seen).toEqual(['1 of 1,2', '2 of 1,2,3', '3 of 1,2,3']);
});

test('a failure is heard of in its turn', async () => {
  async function* items(): AsyncGenerator<number, void> {
    yield 1;
    throw new Error('no more');
  }
  const seen: number[] = [];
  const use = async (): Promise<void> => {
    for await (const item of oneAhead(items())) seen.push(item);
  };
  await expect(use()).rejects.toThrow('no more');
  expect(seen).toEqual([1]);
});
