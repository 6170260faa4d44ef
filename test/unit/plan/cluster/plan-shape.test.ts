/** From the primaries that own slots to those that should, by what the nodes say. */
import { describe, expect, test } from 'vitest';
import { countSlots, rangesOf } from '../../../../src/cluster/slots/slots.ts';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { planShape } from '../../../../src/plan/cluster/plan-shape.ts';
import type { KeyCounts } from '../../../../src/plan/cluster/plan-slot-repairs.ts';
import type { Spec } from '../../../../src/spec/spec.ts';
import { specOf, viewOf } from '../../../helpers/builders.ts';

/** `0-5460`, `` for a primary without slots, `of redis-1`, or slots with open ones behind them. */
type Node = string;

const idOf = (name: string): string => Buffer.from(name).toString('hex').padEnd(40, '0');

function viewsOf(nodes: Readonly<Record<string, Node>>): ReachableView[] {
  const rows = Object.entries(nodes).map(([name, text], index) => {
    const primary = /^of (.+)$/.exec(text)?.[1];
    const role = primary === undefined ? 'master -' : `slave ${idOf(primary)}`;
    const slots = primary === undefined ? text.replaceAll(/redis-\d/g, idOf) : '';
    return {
      name,
      row: (flag: string) =>
        `${idOf(name)} 172.20.0.${index + 11}:6379@16379 ${flag}${role} 0 0 ${index + 1} connected ${slots}`,
    };
  });
  return rows.map(({ name }) => {
    const text = rows.map((other) => other.row(other.name === name ? 'myself,' : '')).join('\n');
    return viewOf(name, text, { nodeCount: rows.length, primaryCount: 3 });
  });
}

/** One step a line: `redis-1 → redis-4 1365`. */
function steps(spec: Spec, nodes: Readonly<Record<string, Node>>, keys: KeyCounts = new Map()): string[] {
  return planShape(spec, viewsOf(nodes), keys).flatMap((step) =>
    step.type === 'move slots'
      ? step.moves.map(({ from, to, slots }) => `${from} → ${to} ${countSlots(rangesOf(slots))}`)
      : [`${step.type} ${step.target}`],
  );
}

const THREE = { 'redis-1': '0-5460', 'redis-2': '5461-10922', 'redis-3': '10923-16383' };

test('a cluster of the right shape stays as it is, however its slots are distributed', () => {
  expect(steps(specOf(), THREE)).toEqual([]);
  expect(steps(specOf(), { 'redis-1': '0-100', 'redis-2': '101-16382', 'redis-3': '16383' })).toEqual([]);
  expect(
    steps(specOf({ replicas: 1 }), {
      ...THREE,
      'redis-4': 'of redis-1',
      'redis-5': 'of redis-2',
      'redis-6': 'of redis-3',
    }),
  ).toEqual([]);
});

describe('more primaries', () => {
  test('a new one gets its share from all others', () => {
    expect(steps(specOf({ primaries: 4 }), { ...THREE, 'redis-4': '' })).toEqual([
      'redis-2 → redis-4 1366',
      'redis-1 → redis-4 1365',
      'redis-3 → redis-4 1365',
    ]);
  });

  test('of two new nodes in a cluster with replicas only one becomes a primary', () => {
    const nodes = {
      ...THREE,
      'redis-4': 'of redis-1',
      'redis-5': 'of redis-2',
      'redis-6': 'of redis-3',
      'redis-7': '',
      'redis-8': '',
    };
    expect(new Set(steps(specOf({ primaries: 4, replicas: 1 }), nodes).map((step) => step.split(' ')[2]))).toEqual(
      new Set(['redis-7']),
    );
  });

  test('where there is no idle one, replicas become primaries first', () => {
    const nodes = { ...THREE, 'redis-4': 'of redis-1', 'redis-5': 'of redis-2', 'redis-6': 'of redis-3' };
    expect(steps(specOf({ primaries: 6 }), nodes)).toEqual([
      'reset node redis-4',
      'reset node redis-5',
      'reset node redis-6',
    ]);
  });
});

describe('fewer primaries', () => {
  const four = { 'redis-1': '0-4095', 'redis-2': '4096-8191', 'redis-3': '8192-12287', 'redis-4': '12288-16383' };

  test('a node that left the YAML file gives all its slots away, and then leaves the cluster', () => {
    expect(steps(specOf(), four).toSorted()).toEqual([
      'redis-4 → redis-1 1366',
      'redis-4 → redis-2 1365',
      'redis-4 → redis-3 1365',
    ]);
    expect(steps(specOf(), { ...THREE, 'redis-4': '' })).toEqual(['remove node redis-4']);
  });

  test('not before its replicas follow somebody else', () => {
    const nodes = {
      ...THREE,
      'redis-4': 'of redis-1',
      'redis-5': 'of redis-2',
      'redis-6': 'of redis-9',
      'redis-9': '',
    };
    expect(steps(specOf({ replicas: 1 }), nodes)).toEqual([]);
    expect(steps(specOf({ replicas: 1 }), { ...nodes, 'redis-6': 'of redis-3' })).toEqual(['remove node redis-9']);
  });

  test('with replicas in the YAML file, those that are to be replicas give theirs away', () => {
    const six = Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [
        `redis-${index + 1}`,
        `${index * 2730}-${index === 5 ? 16383 : index * 2730 + 2729}`,
      ]),
    );
    const from = steps(specOf({ replicas: 1 }), six).map((step) => step.split(' ')[0]);
    expect(new Set(from)).toEqual(new Set(['redis-4', 'redis-5', 'redis-6']));
  });
});

describe('an interrupted run', () => {
  test('is seen by the slot that is open on the target only, and finished up to the last slot', () => {
    const nodes = {
      'redis-1': '0-5460',
      'redis-2': '5461-10922',
      'redis-3': '10923-15000',
      'redis-4': '15001-16383 [1000-<-redis-1]',
    };
    const found = steps(specOf({ primaries: 4 }), nodes);
    expect(found.every((step) => step.includes('→ redis-4') || step.includes('→ redis-3'))).toBe(true);
    expect(found.length).toBeGreaterThan(0);
  });

  test('is not what a node tells that has read keys of a slot of others from its files', () => {
    const nodes = { ...THREE, 'redis-1': '0-100 [9000-<-redis-2]', 'redis-2': '101-10922' };
    const keys = new Map([['redis-1', new Map([[9000, 2]])]]);
    expect(steps(specOf(), nodes)).toEqual(['redis-2 → redis-1 5360']);
    expect(steps(specOf(), nodes, keys)).toEqual([]);
    const moving = { ...nodes, 'redis-2': '101-10922 [9000->-redis-1]' };
    expect(steps(specOf(), moving, keys)).toEqual(['redis-2 → redis-1 5360']);
  });

  test('of a move that somebody asked for is none of the shape: its half-moved slots are repaired', () => {
    const nodes = {
      'redis-1': '100-5460 [200->-redis-2] [201->-redis-2]',
      'redis-2': '0-99 5461-10922 [200-<-redis-1] [201-<-redis-1]',
      'redis-3': '10923-16383',
    };
    expect(steps(specOf(), nodes)).toEqual([]);
  });

  test('is not what the source of a move tells alone', () => {
    const nodes = { ...THREE, 'redis-1': '0-100', 'redis-2': '101-10922 [9000->-redis-1]' };
    expect(steps(specOf(), nodes)).toEqual([]);
  });

  test('is not what a slot that is open on one side only tells, where nothing has to move', () => {
    expect(steps(specOf(), { ...THREE, 'redis-2': '5461-10922 [300-<-redis-1]' })).toEqual([]);
  });
});
