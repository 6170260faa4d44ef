import { describe, expect, test } from 'vitest';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { findUnserved, nextRollStep } from '../../../../src/plan/cluster/plan-roll.ts';
import { healthyViews, specOf } from '../../../helpers/builders.ts';

const ALL = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6'];
const views = healthyViews(specOf({ primaries: 3, replicas: 1 }));

function withView(name: string, changes: Partial<ReachableView>): ReachableView[] {
  return views.map((view) => (view.name === name ? { ...view, ...changes } : view));
}

describe('nextRollStep', () => {
  test('replicas first, then each primary after its replica has taken over', () => {
    expect(nextRollStep(views, ALL)).toEqual({ node: 'redis-4', heir: undefined });
    expect(nextRollStep(views, ['redis-1', 'redis-5'])).toEqual({ node: 'redis-5', heir: undefined });
    expect(nextRollStep(views, ['redis-1', 'redis-2'])).toEqual({ node: 'redis-1', heir: 'redis-4' });
    expect(nextRollStep(views, [])).toBeUndefined();
  });

  test('of several replicas the one that has received most, and none without its copy', () => {
    const two = healthyViews(specOf({ primaries: 3, replicas: 2 })).map((view): ReachableView => ({
      ...view,
      fields: new Map([['slave_repl_offset', view.name === 'redis-7' ? '200' : '100']]),
    }));
    expect(nextRollStep(two, ['redis-1'])?.heir).toBe('redis-7');
    expect(nextRollStep(withView('redis-4', { replicationLink: 'down' }), ['redis-1'])?.heir).toBeUndefined();
  });
});

test('findUnserved: primaries with slots of which no replica can take over', () => {
  expect(findUnserved(views, ALL)).toEqual([]);
  const alone = healthyViews(specOf());
  expect(findUnserved(alone, ['redis-1', 'redis-3']).map(({ name }) => name)).toEqual(['redis-1', 'redis-3']);
  const lagging = withView('redis-4', { replicationLink: 'down' });
  expect(findUnserved(lagging, ALL).map(({ name }) => name)).toEqual(['redis-1']);
});
