import { expect, test } from 'vitest';
import { findUnsettledEpochs } from '../../../../src/cluster/nodes/epochs.ts';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { viewOf } from '../../../helpers/builders.ts';

const ids = ['1', '2', '3'].map((digit) => digit.repeat(40));

/** `own[i]` is the epoch of node i+1 as it says; `heard` what a node has heard of another, where that differs. */
function viewsWith(own: readonly number[], heard: Readonly<Record<string, number>> = {}): ReachableView[] {
  return own.map((_, self) => {
    const rows = own.map((epoch, index) => {
      const flags = index === self ? 'myself,master' : 'master';
      const seen = heard[`${self + 1} of ${index + 1}`] ?? epoch;
      return `${ids[index] ?? ''} 172.20.0.${index + 11}:6379@16379 ${flags} - 0 0 ${seen} connected`;
    });
    return viewOf(`redis-${self + 1}`, rows.join('\n'), { nodeCount: 3, primaryCount: 3 });
  });
}

test('settled: all differ, and everybody knows', () => {
  expect(findUnsettledEpochs(viewsWith([1, 2, 3]))).toEqual([]);
});

test('two primaries with one epoch: any of them may take another at any moment', () => {
  expect(findUnsettledEpochs(viewsWith([4, 4, 3]))).toEqual(['redis-1 and redis-2 have the same config epoch']);
});

test('a node that has not heard of an epoch might believe that its own is the highest', () => {
  expect(findUnsettledEpochs(viewsWith([5, 2, 3], { '3 of 1': 1 }))).toEqual([
    'redis-3 has not heard of the config epoch of redis-1',
  ]);
  expect(findUnsettledEpochs(viewsWith([5, 2, 3], { '3 of 1': 6 }))).toEqual([]);
});
