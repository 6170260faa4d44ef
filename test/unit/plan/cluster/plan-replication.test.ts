import { expect, test } from 'vitest';
import type { NodeView, ReachableView } from '../../../../src/cluster/nodes/view.ts';
import {
  canElect,
  findDoubters,
  findFailoverProblems,
  isOutvoted,
  lacksCopy,
  planFailover,
} from '../../../../src/plan/cluster/plan-failover.ts';
import { planReplication } from '../../../../src/plan/cluster/plan-replication.ts';
import { at, failureOf, healthyViews, specOf } from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const spec = specOf({ primaries: 3, replicas: 2 });
const healthy = healthyViews(spec);

function changed(name: string, changes: Partial<ReachableView>): NodeView[] {
  return healthy.map((view) => (view.name === name ? { ...view, ...changes } : view));
}

function away(views: readonly NodeView[], name: string): NodeView[] {
  return views.map((view) => (view.name === name ? { name, reachable: false, reason: 'ECONNREFUSED' } : view));
}

async function refusal(work: () => unknown): Promise<string> {
  const { code, message, hint } = await failureOf(work);
  expect(code).toBe('USAGE');
  return `${message} → ${hintText(hint ?? '')}`;
}

test('a replica moves; one that is there already stays', () => {
  expect(planReplication(spec, healthy, 'redis-4', 'redis-2')).toMatchObject({ isDone: false });
  expect(planReplication(spec, healthy, 'redis-4', 'redis-1')).toMatchObject({ isDone: true });
});

test('a replica whose primary is away, or lost its data, may hold the only copy', async () => {
  const holding = changed('redis-4', { keyCount: 3, replicationLink: 'down' });
  expect(await refusal(() => planReplication(spec, away(holding, 'redis-1'), 'redis-4', 'redis-2'))).toContain(
    'redis-4 holds a copy of 3 keys, and its primary redis-1 does not answer: they may be nowhere else',
  );
  expect(await refusal(() => planReplication(spec, holding, 'redis-4', 'redis-2'))).toContain(
    'and its primary redis-1 has none',
  );
  // Then the way out that the hint names is open.
  expect(planFailover(spec, holding, 'redis-4', 'force')).toMatchObject({ formerPrimary: 'redis-1' });
  const empty = away(changed('redis-4', { keyCount: 0 }), 'redis-1');
  expect(planReplication(spec, empty, 'redis-4', 'redis-2')).toMatchObject({ isDone: false });
});

test('a primary with slots or keys, and a node that is away, become nobody’s replica', async () => {
  expect(await refusal(() => planReplication(spec, healthy, 'redis-1', 'redis-2'))).toBe(
    'redis-1 still owns 5461 slots: move them first → npx tsx manage.ts cluster rebalance --weight redis-1=0',
  );
  const { table } = at(healthy, 0);
  const myself = { ...table.myself, slots: [] };
  const slotless = changed('redis-1', { keyCount: 7, table: { ...table, myself } });
  expect(await refusal(() => planReplication(spec, slotless, 'redis-1', 'redis-2'))).toContain('redis-1 holds 7 keys');
  expect(await refusal(() => planReplication(spec, away(healthy, 'redis-2'), 'redis-4', 'redis-2'))).toContain(
    'redis-2 does not answer: ECONNREFUSED → npx tsx manage.ts up',
  );
});

test('a failover needs a replica that has its copy, and a primary that hands over or an option', async () => {
  expect(await refusal(() => planFailover(spec, healthy, 'redis-1', 'manual'))).toBe(
    'redis-1 is a primary; its replicas are: redis-4, redis-7 → npx tsx manage.ts cluster failover redis-4',
  );
  expect(await refusal(() => planFailover(spec, away(healthy, 'redis-1'), 'redis-4', 'manual'))).toContain('--force');
  const syncing = changed('redis-4', { replicationLink: 'down' }).map((view) =>
    view.name === 'redis-1' ? { ...view, keyCount: 5 } : view,
  );
  expect([syncing, healthy, away(syncing, 'redis-1')].map((views) => lacksCopy(views, 'redis-4'))).toEqual([
    true,
    false,
    false,
  ]);
  for (const mode of ['manual', 'force', 'takeover'] as const) {
    expect(await refusal(() => planFailover(spec, syncing, 'redis-4', mode))).toContain('does not have its whole copy');
  }
  const sibling = away(changed('redis-7', { keyCount: 5 }), 'redis-1');
  expect(await refusal(() => planFailover(spec, sibling, 'redis-4', 'force'))).toContain(
    'another replica of redis-1, holds 5 → npx tsx manage.ts cluster failover redis-7 --force',
  );
  expect(planFailover(spec, healthy, 'redis-4', 'manual')).toMatchObject({
    formerPrimary: 'redis-1',
    isPrimaryThere: true,
    slots: [{ start: 0, end: 5460 }],
  });
});

test('who has not heard of it yet is named', () => {
  const failover = planFailover(spec, healthy, 'redis-4', 'manual');
  const problems = findFailoverProblems('redis-4', failover, healthy);
  expect(problems).toContain('redis-2: it sees redis-4 as a replica');
  expect(problems).toContain('redis-1 does not follow redis-4 yet');
  expect(findFailoverProblems('redis-4', failover, away(healthy, 'redis-4'))).toEqual([
    'redis-4 does not answer any more',
  ]);
  expect(findDoubters('redis-4', failover, healthy)).toEqual([]);
  expect(findDoubters('redis-4', { ...failover, primaryId: 'another' }, healthy)).toHaveLength(9);
});

test('votes need most of the primaries, and old votes are seen by the epoch', () => {
  expect(canElect(away(healthy, 'redis-1'))).toBe(true);
  expect(canElect(away(away(healthy, 'redis-1'), 'redis-2'))).toBe(false);
  const views = away(healthy, 'redis-1');
  const failover = planFailover(spec, views, 'redis-4', 'force');
  const asPrimary = (configEpoch: number): NodeView[] =>
    views.map((view) => {
      if (view.name !== 'redis-4' || !view.reachable) return view;
      const myself = { ...view.table.myself, role: 'primary' as const, primaryId: undefined, configEpoch };
      return { ...view, table: { ...view.table, myself } };
    });
  expect(isOutvoted(failover, views)).toBe(false);
  expect(isOutvoted(failover, asPrimary(9))).toBe(true);
  expect(isOutvoted(failover, asPrimary(30))).toBe(false);
  expect(isOutvoted({ ...failover, isPrimaryThere: true }, asPrimary(9))).toBe(false);
});
