import { describe, expect, test } from 'vitest';
import type { Finding, FindingKind } from '../../../../../src/cluster/findings/finding.ts';
import type { NodeView } from '../../../../../src/cluster/nodes/view.ts';
import type { Engine } from '../../../../../src/engine/engine.ts';
import { startHistory } from '../../../../../src/stack/commands/watch/observed-history.ts';
import type { NodeStatus } from '../../../../../src/stack/observe/observe-nodes.ts';
import { containerOf, healthyViews, specOf, wantedFor } from '../../../../helpers/builders.ts';
import { sessionOfShape } from '../../../../helpers/observations.ts';

const spec = specOf();
const [definition] = wantedFor(spec).containers.values();
const [view] = healthyViews(spec);
if (definition === undefined || view === undefined) throw new Error('a stack without nodes');
const [node] = spec.nodes;
if (node === undefined) throw new Error('a stack without nodes');

const up: NodeStatus = { node, container: containerOf(definition), view };
const ended: NodeStatus = {
  node,
  container: containerOf(definition, { state: 'exited' }),
  view: { name: node.name, reachable: false, reason: 'its container is exited' },
};

describe('the last failure of a node', () => {
  const exits: string[] = [];
  const containerExit: Engine['containerExit'] = async (name) => {
    exits.push(name);
    return { exitCode: 137, outOfMemory: true, error: '' };
  };
  const session = sessionOfShape({}, { containerExit });

  test('is kept when it is back, and says how the container ended, which is asked once', async () => {
    const history = startHistory();
    expect((await history.addFailures(session, [up], 1))[0]?.lastFailure).toBeUndefined();
    const failure = { at: 2, text: 'its container is exited (it was out of memory)' };
    const [down] = await history.addFailures(session, [ended], 2);
    expect([down?.lastFailure, down?.view]).toEqual([failure, { ...ended.view, reason: failure.text }]);
    expect((await history.addFailures(session, [ended], 3))[0]?.lastFailure?.at).toBe(3);
    expect((await history.addFailures(session, [up], 4))[0]?.lastFailure).toEqual({ ...failure, at: 3 });
    expect(exits).toEqual(['dev-redis-1']);
    await history.addFailures(session, [ended], 5);
    expect(exits).toHaveLength(2);
  });

  test('is told without how it ended, where the container has just gone', async () => {
    const gone = sessionOfShape({}, { containerExit: () => Promise.reject(new Error('no such container')) });
    const [down] = await startHistory().addFailures(gone, [ended], 1);
    expect(down?.lastFailure?.text).toBe('its container is exited');
  });
});

describe('slots are on the move', () => {
  const open = (...slots: readonly number[]): NodeView[] => {
    const openSlots = slots.map((slot) => ({ slot, direction: 'migrating', nodeId: 'f'.repeat(40) }) as const);
    return [{ ...view, table: { ...view.table, myself: { ...view.table.myself, openSlots } } }];
  };

  test('not in a cluster that is at rest', () => {
    const { isMoving } = startHistory();
    expect([0, 1000, 100_000].map((at) => isMoving([view], at))).toEqual([false, false, false]);
  });

  test('while they are open and change, and a moment longer, for the next are about to be opened', () => {
    const { isMoving } = startHistory();
    expect(isMoving(open(1, 2), 0)).toBe(true);
    expect(isMoving(open(2), 1000)).toBe(true);
    expect(isMoving([view], 2000)).toBe(true);
    expect(isMoving([view], 2600)).toBe(false);
  });

  test('and no longer, when they stay as they are: the run that opened them was interrupted', () => {
    const { isMoving } = startHistory();
    expect([0, 1000, 4900, 5000, 6000].map((at) => isMoving(open(1), at))).toEqual([true, true, true, false, false]);
    expect(isMoving(open(2), 7000)).toBe(true);
  });
});

describe('what is found', () => {
  const found = (kind: FindingKind): Finding => ({ kind, node: undefined, text: kind, mend: 'cluster fix' });

  test('counts at once, unless gossip may make it go away', () => {
    const { lasting } = startHistory();
    const findings = [found('no answer'), found('disagreement'), found('same epoch')];
    const kinds = (at: number): FindingKind[] => lasting(findings, false, at).map(({ kind }) => kind);
    expect(kinds(0)).toEqual(['no answer']);
    expect(kinds(1999)).toEqual(['no answer']);
    expect(kinds(2000)).toEqual(['no answer', 'disagreement']);
    for (const at of [4000, 6000, 8000]) kinds(at);
    expect(kinds(10_000)).toEqual(['no answer', 'disagreement', 'same epoch']);
  });

  test('begins anew when nobody has looked for a while', () => {
    const { lasting } = startHistory();
    const findings = [found('disagreement')];
    lasting(findings, false, 0);
    expect(lasting(findings, false, 3_600_000)).toEqual([]);
    expect(lasting(findings, false, 3_602_000)).toEqual(findings);
  });

  test('begins anew when it was gone', () => {
    const { lasting } = startHistory();
    const findings = [found('disagreement')];
    lasting(findings, false, 0);
    lasting([], false, 1000);
    expect(lasting(findings, false, 2500)).toEqual([]);
    expect(lasting(findings, false, 4500)).toEqual(findings);
  });

  test('of open slots is nothing wrong while they move', () => {
    const { lasting } = startHistory();
    expect(lasting([found('open slots')], true, 0)).toEqual([]);
    expect(lasting([found('open slots')], false, 1)).toHaveLength(1);
  });
});
