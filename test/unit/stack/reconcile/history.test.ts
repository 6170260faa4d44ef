import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startHistory } from '../../../../src/stack/reconcile/history.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a first look that takes long is no time in which nothing was done', () => {
  const history = startHistory({ steadyMs: 200, rescuesAtOnce: false });
  vi.advanceTimersByTime(10_000);
  history.addViews([]);
  expect(performance.now() - history.lastDoneAt()).toBe(0);
  vi.advanceTimersByTime(1000);
  history.addViews([]);
  expect(performance.now() - history.lastDoneAt()).toBe(1000);
});
