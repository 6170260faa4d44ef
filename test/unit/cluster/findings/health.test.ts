import { describe, expect, test } from 'vitest';
import type { Expectation } from '../../../../src/cluster/findings/finding.ts';
import { findBrokenLinks, findClusterProblems } from '../../../../src/cluster/findings/health.ts';
import { busAddress, type NodeRow } from '../../../../src/cluster/nodes/node-table.ts';
import type { NodeView, ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { primariesOf, type Spec } from '../../../../src/spec/spec.ts';
import { at, healthyViews, specOf } from '../../../helpers/builders.ts';

function expectationOf(spec: Spec): Expectation {
  return {
    primaryCount: primariesOf(spec).length,
    replicaCount: spec.nodes.length - primariesOf(spec).length,
    addresses: new Map(spec.nodes.map(({ name, announced }) => [name, busAddress(announced)])),
  };
}

const threePlusThree = specOf({ primaries: 3, replicas: 1 });

/** The problems of a healthy 3 + 3 whose node `index` says something else. */
function problemsWhen(index: number, change: (view: ReachableView) => NodeView): string[] {
  const views = healthyViews(threePlusThree);
  return findClusterProblems(
    expectationOf(threePlusThree),
    views.map((view, position) => (position === index ? change(view) : view)),
  );
}

function withInfo(changes: Partial<ReachableView['info']>): (view: ReachableView) => ReachableView {
  return (view) => ({ ...view, info: { ...view.info, ...changes } });
}

/** The view, with the row at `index` of its table changed. */
function withRow(index: number, changes: Partial<NodeRow>): (view: ReachableView) => ReachableView {
  return (view) => {
    const rows = view.table.rows.map((row, position) => (position === index ? { ...row, ...changes } : row));
    const myself = rows.find(({ flags }) => flags.has('myself')) ?? view.table.myself;
    return { ...view, table: { rows, myself } };
  };
}

describe('a whole cluster has no problem', () => {
  test.each([
    ['3 + 0', specOf()],
    ['3 + 3', threePlusThree],
    ['5 + 10', specOf({ primaries: 5, replicas: 2 })],
  ])('%s', (_name, spec) => {
    expect(findClusterProblems(expectationOf(spec), healthyViews(spec))).toEqual([]);
  });
});

describe('each problem has its sentence', () => {
  test('a node that does not answer', () => {
    expect(problemsWhen(2, ({ name }) => ({ name, reachable: false, reason: 'ECONNREFUSED' }))).toEqual([
      'redis-3 does not answer: ECONNREFUSED',
    ]);
  });

  test('a cluster that says fail', () => {
    expect(problemsWhen(0, withInfo({ state: 'fail' }))).toEqual(['redis-1: cluster_state is fail']);
  });

  test('slots without an owner, though the state is ok: full coverage is off', () => {
    expect(problemsWhen(1, withInfo({ state: 'ok', slotsAssigned: 16383, slotsOk: 16383 }))).toEqual([
      'redis-2: only 16383 of 16384 slots have an owner',
    ]);
  });

  test('slots whose owner has failed', () => {
    expect(problemsWhen(1, withInfo({ slotsOk: 10923 }))).toEqual(['redis-2: only 10923 of 16384 slots are served']);
  });

  test('an answer without numbers is no healthy one', () => {
    expect(problemsWhen(0, withInfo({ slotsAssigned: Number.NaN, slotsOk: Number.NaN }))).not.toEqual([]);
  });

  test('a node that knows too many or too few others', () => {
    expect(problemsWhen(3, withInfo({ knownNodes: 7 }))).toEqual(['redis-4: it knows 7 nodes instead of 6']);
    expect(problemsWhen(3, withInfo({ knownNodes: 1 }))).toEqual(['redis-4: it knows 1 nodes instead of 6']);
  });

  test('slots shared by too few or too many primaries', () => {
    expect(problemsWhen(0, withInfo({ size: 2 }))).toEqual(['redis-1: 2 primaries own slots instead of 3']);
    expect(problemsWhen(0, withInfo({ size: 4 }))).toEqual(['redis-1: 4 primaries own slots instead of 3']);
  });

  test('an address that is not the one in the YAML file, or none', () => {
    expect(problemsWhen(0, withRow(0, { ip: '172.20.0.99' }))).toEqual([
      'redis-1: it announces the address 172.20.0.99:16379 instead of 172.20.0.11:16379',
    ]);
    expect(problemsWhen(0, withRow(0, { ip: '' }))).toEqual([
      'redis-1: it announces the address (none) instead of 172.20.0.11:16379',
    ]);
  });

  test('a replica without its copy', () => {
    expect(problemsWhen(4, (view) => ({ ...view, replicationLink: 'down' }))).toEqual([
      'redis-5: it has no copy of its primary yet',
    ]);
  });

  test('another node that it sees failing, or does not know yet', () => {
    expect(problemsWhen(0, withRow(5, { flags: new Set(['slave', 'fail?']) }))).toEqual([
      'redis-1: it sees redis-6 as slave,fail?',
    ]);
    expect(problemsWhen(0, withRow(5, { flags: new Set(['slave', 'fail']) }))).toEqual([
      'redis-1: it sees redis-6 as slave,fail',
    ]);
    expect(problemsWhen(0, withRow(5, { flags: new Set(['slave', 'fail']), ip: '172.20.0.99' }))).toContain(
      'redis-1: it sees 172.20.0.99:16379 as slave,fail',
    );
    expect(problemsWhen(0, withRow(5, { flags: new Set(['handshake']), ip: '', id: 'f'.repeat(40) }))).toEqual([
      `redis-1: it sees ${'f'.repeat(40)} as handshake`,
    ]);
  });

  test('a hostname that another node has not heard yet', () => {
    expect(problemsWhen(0, withRow(5, { hostname: 'redis-6' }))).toEqual([
      'redis-1 has not heard that redis-6 announces no hostname',
    ]);
  });

  test('two nodes that disagree about the owner of a slot', () => {
    const stranger = 'f'.repeat(40);
    expect(problemsWhen(2, withRow(1, { id: stranger }))).toEqual([
      'redis-3: it does not agree with redis-1 on who owns which slots',
    ]);
  });

  test('all problems are told, not the first alone', () => {
    const views: NodeView[] = healthyViews(threePlusThree).map(withInfo({ state: 'fail', slotsOk: 0 }));
    views[0] = { name: 'redis-1', reachable: false, reason: 'LOADING' };
    expect(findClusterProblems(expectationOf(threePlusThree), views)).toHaveLength(1 + 5 * 2);
  });

  test('nobody answers', () => {
    const spec = specOf();
    const views = spec.nodes.map(({ name }): NodeView => ({ name, reachable: false, reason: 'ECONNREFUSED' }));
    expect(findClusterProblems(expectationOf(spec), views)).toEqual([
      'redis-1 does not answer: ECONNREFUSED',
      'redis-2 does not answer: ECONNREFUSED',
      'redis-3 does not answer: ECONNREFUSED',
    ]);
  });

  test('roles may have changed hands: a promoted replica is as good', () => {
    const spec = threePlusThree;
    const ids = healthyViews(spec).map(({ table }) => table.myself.id);
    const promoted = healthyViews(spec).map((view): ReachableView => {
      const rows = view.table.rows.map((row): NodeRow => {
        if (row.id === at(ids, 0)) return { ...row, role: 'replica', primaryId: at(ids, 3), slots: [] };
        if (row.id !== at(ids, 3)) return row;
        return { ...row, role: 'primary', primaryId: undefined, slots: [{ start: 0, end: 5460 }] };
      });
      const myself = rows.find(({ flags }) => flags.has('myself')) ?? view.table.myself;
      return { ...view, table: { rows, myself } };
    });
    expect(findClusterProblems(expectationOf(spec), promoted)).toEqual([]);
  });
});

test('a link of the bus that is down is named from the end that misses it, with address and port', () => {
  const [first, ...others] = healthyViews(threePlusThree);
  if (first === undefined) throw new Error('no view');
  expect(findBrokenLinks([first, ...others])).toEqual([]);
  const broken = withRow(4, { connected: false })(first);
  expect(findBrokenLinks([broken, ...others])).toEqual([
    'redis-1: its bus link to redis-5 at 172.20.0.15:16379 is down',
  ]);
  // Its own row says nothing.
  expect(findBrokenLinks([withRow(0, { connected: false })(first), ...others])).toEqual([]);
});
