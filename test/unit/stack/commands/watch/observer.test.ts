import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { shareLooks } from '../../../../../src/stack/commands/watch/observer.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
afterEach(() => vi.useRealTimers());

/** Looks that end when the test says so, and give the number of the look. */
function looks(): {
  begun: () => number;
  finish: () => Promise<void>;
  fail: () => Promise<void>;
  ask: () => Promise<number>;
} {
  let count = 0;
  let end: { resolve: (value: number) => void; reject: (error: Error) => void } | undefined;
  const look = (): Promise<number> => {
    count += 1;
    return new Promise((resolve, reject) => (end = { resolve, reject }));
  };
  return {
    begun: () => count,
    finish: async () => {
      end?.resolve(count);
      await vi.advanceTimersByTimeAsync(0);
    },
    fail: async () => {
      end?.reject(new Error(`look ${count}`));
      await vi.advanceTimersByTimeAsync(0);
    },
    ask: shareLooks(look, 900),
  };
}

test('all who ask while a look is under way share it, however long it takes', async () => {
  const { ask, begun, finish } = looks();
  const first = ask();
  await vi.advanceTimersByTimeAsync(5000);
  const others = Array.from({ length: 1000 }, ask);
  await finish();
  expect(new Set(await Promise.all([first, ...others]))).toEqual(new Set([1]));
  expect(begun()).toBe(1);
});

test('a look serves until it is too old, counted from its beginning', async () => {
  const { ask, finish, begun } = looks();
  const first = ask();
  await vi.advanceTimersByTimeAsync(500);
  await finish();
  await vi.advanceTimersByTimeAsync(399);
  expect(await ask()).toBe(await first);
  await vi.advanceTimersByTimeAsync(1);
  const next = ask();
  await finish();
  expect([await next, begun()]).toEqual([2, 2]);
});

test('what took longer than that serves nobody who comes after it', async () => {
  const { ask, finish } = looks();
  const first = ask();
  await vi.advanceTimersByTimeAsync(2000);
  await finish();
  const next = ask();
  await finish();
  expect([await first, await next]).toEqual([1, 2]);
});

test('a failure is shared in the same way, and forgotten in the same way', async () => {
  const { ask, fail, finish, begun } = looks();
  const asked = [ask(), ask()].map((one) => one.catch((error: unknown) => String(error)));
  await fail();
  expect(await Promise.all(asked)).toEqual(['Error: look 1', 'Error: look 1']);
  await expect(ask()).rejects.toThrow('look 1');
  expect(begun()).toBe(1);
  await vi.advanceTimersByTimeAsync(900);
  const next = ask();
  await finish();
  expect(await next).toBe(2);
});

test('nothing is looked at while nobody asks', async () => {
  const { begun } = looks();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun()).toBe(0);
});
