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

test('what servers move by themselves is copied first', () => {
  const MIB = 1024 * 1024;
  const copies = new Map([
    [[0, 1], { bytes: 50 * MIB, ofBytes: 100 * MIB }],
    [[2, 3], { bytes: 12 * MIB, ofBytes: 10 * MIB }],
  ]);
  expect(progressText({ slots: 0, all: 8, keys: 0, elapsedMs: 9, copies })).toBe(
    '███████───────────── 0 of 8 slots, 62 MiB of about 110 MiB copied',
  );
  expect(progressText({ slots: 8, all: 8, keys: 20, elapsedMs: 1000, copies })).toBe(
    '████████████████████ 8 of 8 slots, 20 keys, 20 keys a second',
  );
});
