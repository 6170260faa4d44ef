import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poll } from '../../src/poll.ts';

const { signal } = new AbortController();
const usual = { signal, timeoutMs: 10_000, pace: { min: 100 } };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Counts its calls, and notes when they were made. */
function startLooks(): { look: () => Promise<number>; times: number[] } {
  const start = performance.now();
  const times: number[] = [];
  return { look: async () => times.push(performance.now() - start), times };
}

/** What it comes to, with as much time as it takes. */
async function outcomeOf<T>(polling: Promise<T>): Promise<T> {
  polling.catch(() => undefined);
  await vi.runAllTimersAsync();
  return polling;
}

test('what is there already takes one look and no pause', async () => {
  const { look, times } = startLooks();
  expect(await poll(look, () => true, usual)).toBe(1);
  expect(times).toEqual([0]);
});

test('it looks again until what is seen is what is waited for', async () => {
  const { look, times } = startLooks();
  expect(await outcomeOf(poll(look, (count) => count === 4, usual))).toBe(4);
  expect(times).toEqual([0, 100, 200, 300]);
});

test('pauses get longer up to the longest', async () => {
  const { look, times } = startLooks();
  const pace = { min: 10, max: 40, factor: 2 };
  await outcomeOf(poll(look, (count) => count === 6, { ...usual, pace }));
  expect(times).toEqual([0, 10, 30, 70, 110, 150]);
});

test('pauses by chance are as long as they should be, or up to twice as long', async () => {
  const { look, times } = startLooks();
  await outcomeOf(poll(look, (count) => count === 50, { ...usual, pace: { min: 75, max: 150, randomize: true } }));
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(75);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(150);
  expect(new Set(pauses).size).toBeGreaterThan(5);
});

test.each([new Error('refused'), new TypeError('a bug')])('what a look throws ends the wait: %s', async (error) => {
  const { look, times } = startLooks();
  const failing = async (): Promise<never> => {
    await look();
    throw error;
  };
  await expect(outcomeOf(poll(failing, () => false, usual))).rejects.toBe(error);
  expect(times).toEqual([0]);
});

describe('the signal', () => {
  test('ends a pause, with its reason', async () => {
    const { look, times } = startLooks();
    const controller = new AbortController();
    const polling = poll(look, () => false, { ...usual, signal: controller.signal });
    polling.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(50);
    controller.abort(new Error('stopped half-way'));
    await expect(polling).rejects.toThrow('stopped half-way');
    expect(times).toEqual([0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that came before keeps it from looking at all', async () => {
    const { look, times } = startLooks();
    const stopped = AbortSignal.abort(new Error('stopped before'));
    await expect(poll(look, () => true, { ...usual, signal: stopped })).rejects.toThrow('stopped before');
    expect(times).toEqual([]);
  });
});

describe('when the time is up', () => {
  test('it gives what was seen last, at a last look for which it cuts the pause short', async () => {
    const { look, times } = startLooks();
    expect(await outcomeOf(poll(look, () => false, { ...usual, timeoutMs: 250 }))).toBe(4);
    expect(times).toEqual([0, 100, 200, 250]);
  });

  test('it ends with what onTimeout makes of what was seen last', async () => {
    const onTimeout = (last: number): Error => new Error(`only ${last}`);
    const polling = poll(startLooks().look, () => false, { ...usual, timeoutMs: 250, onTimeout });
    await expect(outcomeOf(polling)).rejects.toThrow('only 4');
  });

  test('what is seen at the last look counts', async () => {
    const onTimeout = (): Error => new Error('too late');
    expect(
      await outcomeOf(poll(startLooks().look, (count) => count === 4, { ...usual, timeoutMs: 250, onTimeout })),
    ).toBe(4);
  });

  test('and where there is none it looks once', async () => {
    expect(await poll(startLooks().look, () => false, { ...usual, timeoutMs: 0 })).toBe(1);
  });
});
