import { expect, test } from 'vitest';
import { progressText } from '../../../../src/stack/execute/slot-progress.ts';

test('slots, keys, pace and what is left', () => {
  expect(progressText({ slots: 0, all: 400, keys: 0, elapsedMs: 0 })).toBe(
    '──────────────────── 0 of 400 slots, 0 keys, 0 keys a second',
  );
  expect(progressText({ slots: 100, all: 400, keys: 5000, elapsedMs: 2000 })).toBe(
    '█████─────────────── 100 of 400 slots, 5000 keys, 2500 keys a second, 6s left',
  );
  expect(progressText({ slots: 400, all: 400, keys: 20_000, elapsedMs: 8000 })).toBe(
    '████████████████████ 400 of 400 slots, 20000 keys, 2500 keys a second',
  );
});
