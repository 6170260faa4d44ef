import { describe, expect, test } from 'vitest';
import { describeFailure, describeLive, renderLive } from '../../../../src/api/inspection/describe-live.ts';
import { LiveState } from '../../../../src/api/inspection/live-state.ts';
import type { Finding } from '../../../../src/cluster/findings/finding.ts';
import type { NodeView } from '../../../../src/cluster/nodes/view.ts';
import { StackError } from '../../../../src/errors.ts';
import { initialNodeId } from '../../../../src/plan/model/names.ts';
import { observationOf, sessionOfShape, without } from '../../../helpers/observations.ts';
import { run } from '../../../../src/hint.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const finding: Finding = { kind: 'no answer', node: 'redis-2', text: 'redis-2 does not answer', mend: 'up' };

describe('the state', () => {
  test('of a cluster that is whole', () => {
    const live = describeLive(observationOf({ replicas: 1 }));
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect([live.health, live.headline]).toEqual(['ok', 'The cluster is whole: all 16384 slots, 6 nodes agree']);
    expect(live.nodes.map(({ state }) => state)).toEqual(Array.from({ length: 6 }, () => 'up'));
    expect(live.nodes[3]).toMatchObject({ name: 'redis-4', role: 'replica', primary: 'redis-1', slotCount: 0 });
    expect(live.nodes[0]).toMatchObject({ hostAddress: '127.0.0.1:7000', figures: { busLinks: { up: 5, all: 5 } } });
  });

  test('with a node away: it is down, with why, and without figures', () => {
    const live = describeLive(observationOf({}, without('redis-2'), { findings: [finding] }));
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect([live.health, live.headline]).toEqual(['failing', 'One thing is wrong; 2 of 3 nodes answer']);
    expect(live.findings).toEqual([{ text: 'redis-2 does not answer', command: run('up') }]);
    expect(live.nodes[1]).toMatchObject({ state: 'down', reason: 'ECONNREFUSED', slotCount: 5462 });
    expect(live.nodes[1]?.figures).toBeUndefined();
  });

  test('with nobody there', () => {
    const live = describeLive(observationOf({}, without('redis-1', 'redis-2', 'redis-3')));
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect([live.health, live.headline, live.slots]).toEqual(['failing', 'The stack dev is not up', []]);
  });

  test('of a node that answers and serves nothing, or that others think has failed, is failing', () => {
    const change = (view: NodeView): NodeView | undefined => {
      if (!view.reachable) return undefined;
      if (view.name === 'redis-1') return { ...view, info: { ...view.info, state: 'fail' } };
      const rows = view.table.rows.map((row) =>
        row.id === initialNodeId('dev', 'redis-3') && view.name === 'redis-2'
          ? { ...row, flags: new Set(['master', 'fail?']) }
          : row,
      );
      return { ...view, table: { ...view.table, rows } };
    };
    const { nodes } = describeLive(observationOf({}, change));
    expect(nodes.map(({ state, reason }) => [state, reason])).toEqual([
      ['failing', 'it says cluster_state:fail'],
      ['up', undefined],
      ['failing', "redis-2 can't reach it"],
    ]);
  });

  test('with slots on the move', () => {
    const [from, to] = [initialNodeId('dev', 'redis-1'), initialNodeId('dev', 'redis-2')];
    const change = (view: NodeView): NodeView | undefined => {
      if (!view.reachable || view.name === 'redis-3') return undefined;
      const direction = view.name === 'redis-1' ? 'migrating' : 'importing';
      const nodeId = view.name === 'redis-1' ? to : from;
      const openSlots = [0, 1, 7].map((slot) => ({ slot, direction, nodeId }) as const);
      const myself = { ...view.table.myself, openSlots };
      const rows = view.table.rows.map((row) => (row.id === myself.id ? myself : row));
      return { ...view, table: { myself, rows } };
    };
    const live = describeLive(observationOf({}, change, { isMoving: true }));
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect([live.health, live.headline]).toEqual(['moving', 'The cluster is whole, and 3 slots are on the move']);
    const slots = [
      { start: 0, end: 1 },
      { start: 7, end: 7 },
    ];
    expect(live.moves).toEqual([{ from: 'redis-1', to: 'redis-2', slots, count: 3 }]);
    const migrations = [{ from: 'redis-1', to: 'redis-2', slots: [0, 1, 7] }];
    expect(describeLive(observationOf({}, undefined, { isMoving: true, migrations }))).toMatchObject({
      headline: live.headline,
      moves: live.moves,
    });
  });

  test('with a YAML file that cannot be read says so first', () => {
    const live = describeLive(
      observationOf({}, undefined, { staleBecause: 'stack.yaml has a problem', findings: [finding] }),
    );
    expect(live.findings.map(({ text }) => text)).toEqual(['stack.yaml has a problem', 'redis-2 does not answer']);
  });
});

describe('where nobody could be asked', () => {
  const error = new StackError('ENGINE_UNREACHABLE', { message: 'no engine answers', hint: 'Start it.' });

  test('the nodes are shown as they were last, as unknown and without their figures', () => {
    const live = describeFailure(error, sessionOfShape(), describeLive(observationOf()));
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect(live.health).toBe('unknown');
    expect(live.findings).toEqual([{ text: 'no engine answers', command: run('status') }]);
    expect(live.nodes.map(({ state, figures, slotCount }) => [state, figures, slotCount])).toEqual(
      [5461, 5462, 5461].map((count) => ['unknown', undefined, count]),
    );
  });

  test('and none where none was ever seen', () => {
    const live = describeFailure(error, sessionOfShape(), undefined);
    expect(LiveState.parse(renderLive(live, hintText))).toEqual(renderLive(live, hintText));
    expect([live.nodes, live.findings]).toEqual([[], [{ text: 'no engine answers', command: run('status') }]]);
  });
});
