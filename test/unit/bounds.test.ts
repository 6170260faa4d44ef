import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { whileMoving, withinBounds } from '../../src/bounds.ts';
import { StackError } from '../../src/errors.ts';
import { failureOf } from '../helpers/builders.ts';

const never = new Promise<never>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

function bounds(timeoutMs = 2500): { controller: AbortController; signal: AbortSignal; timeoutMs: number } {
  const controller = new AbortController();
  return { controller, signal: controller.signal, timeoutMs };
}

describe('withinBounds', () => {
  test('gives what the work gives', async () => {
    expect(await withinBounds(Promise.resolve(7), 'it did not come', bounds())).toBe(7);
  });

  test('fails as the work fails', async () => {
    const failing = Promise.reject(new Error('broken'));
    await expect(withinBounds(failing, 'it did not come', bounds())).rejects.toThrow('broken');
  });

  test('ends when time is up, and says what did not happen and how to wait longer', async () => {
    const failure = failureOf(() => withinBounds(never, 'the engine did not answer', bounds(2500)));
    await vi.advanceTimersByTimeAsync(2500);
    expect(await failure).toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: 'the engine did not answer within 2.50s',
      hint: expect.stringContaining('--timeout'),
    });
  });

  test('does not end before', async () => {
    const { promise: work, resolve } = withResolver();
    const waiting = withinBounds(work, 'x', bounds(2500));
    await vi.advanceTimersByTimeAsync(2499);
    resolve('in time');
    expect(await waiting).toBe('in time');
  });

  test('ends with the reason of an abort', async () => {
    const { controller, ...rest } = bounds();
    const failure = failureOf(() => withinBounds(never, 'x', rest));
    controller.abort(new StackError('INTERRUPTED', { message: 'interrupted' }));
    expect(await failure).toMatchObject({ code: 'INTERRUPTED' });
  });

  test('does not even begin to wait after an abort', async () => {
    const { controller, ...rest } = bounds();
    controller.abort(new StackError('TERMINATED', { message: 'terminated' }));
    expect(await failureOf(() => withinBounds(Promise.resolve(1), 'x', rest))).toMatchObject({ code: 'TERMINATED' });
  });

  test('leaves no timer and no listener behind, however it ends', async () => {
    const { controller, ...rest } = bounds();
    await withinBounds(Promise.resolve(1), 'x', rest);
    await withinBounds(Promise.reject(new Error('broken')), 'x', rest).catch(() => undefined);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

function withResolver(): { promise: Promise<string>; resolve: (value: string) => void } {
  let resolve: (value: string) => void = () => undefined;
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('whileMoving', () => {
  test('waits as long as something moves, and no longer', async () => {
    let move: () => void = () => undefined;
    const failure = failureOf(() =>
      whileMoving(
        (onMove) => {
          move = onMove;
          return never;
        },
        'no progress',
        bounds(1000),
      ),
    );
    let ended = false;
    void failure.then(() => {
      ended = true;
    });
    for (let moves = 0; moves < 5; moves += 1) {
      await vi.advanceTimersByTimeAsync(900);
      move();
    }
    await vi.advanceTimersByTimeAsync(900);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(await failure).toMatchObject({ code: 'WAIT_TIMEOUT', message: 'no progress within 1s' });
  });
});
