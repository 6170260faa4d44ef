import { expect, test } from 'vitest';
import { linesOf, peakOf, withState, type History } from '../../../../src/api/page/history.ts';
import type { LiveNode } from '../../../../src/api/inspection/live-state.ts';

function nodeWith(opsPerSecond: number | undefined): LiveNode {
  const node: LiveNode = {
    name: 'redis-1',
    state: opsPerSecond === undefined ? 'down' : 'up',
    address: '172.20.0.11:6379',
    hostAddress: '127.0.0.1:6379',
    slotCount: 16384,
  };
  if (opsPerSecond === undefined) return node;
  const figures = {
    memoryBytes: 1,
    maxMemoryBytes: 0,
    keys: 0,
    clients: 1,
    uptimeSeconds: 1,
    server: 'Redis 7.0.15',
    redisVersion: '7.0.15',
  };
  return { ...node, figures: { ...figures, opsPerSecond, busLinks: { up: 0, all: 0 } } };
}

function after(...seconds: (number | undefined)[]): History {
  return seconds.reduce<History>(
    (history, ops, second) => withState(history, { at: second * 1000, nodes: [nodeWith(ops)] }),
    new Map(),
  );
}

test('a minute is remembered, and no more', () => {
  const history = after(...Array.from({ length: 100 }, (_, second) => second));
  const samples = history.get('redis-1') ?? [];
  expect(samples).toHaveLength(61);
  expect(samples.at(0)?.opsPerSecond).toBe(39);
  expect(peakOf(history)).toBe(99);
});

test('the same state twice is one, as after a lost connection', () => {
  const once = after(5);
  expect(withState(once, { at: 0, nodes: [nodeWith(5)] }).get('redis-1')).toHaveLength(1);
});

test('a node that does not answer leaves a gap in its line', () => {
  const samples = after(10, 10, undefined, 20, 20).get('redis-1') ?? [];
  const lines = linesOf(samples, 4000, 20);
  expect(lines.map((line) => line.length)).toEqual([2, 2]);
  expect(lines[1]?.at(-1)).toEqual({ x: 1, y: 0 });
});

test('so does a time in which nothing was heard', () => {
  const samples = [
    { at: 0, opsPerSecond: 1 },
    { at: 10_000, opsPerSecond: 1 },
  ];
  expect(linesOf(samples, 10_000, 1)).toHaveLength(2);
});

test('nodes that do nothing have a line at the bottom', () => {
  expect(linesOf([{ at: 0, opsPerSecond: 0 }], 0, 0)).toEqual([[{ x: 1, y: 1 }]]);
});
