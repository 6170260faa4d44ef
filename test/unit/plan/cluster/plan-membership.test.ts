import { expect, test } from 'vitest';
import { parseNodeTable, type NodeRow } from '../../../../src/cluster/nodes/node-table.ts';
import type { NodeView, ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { planForget, findMeetProblems, planMeet } from '../../../../src/plan/cluster/plan-membership.ts';
import { planReset, whyNotBlank } from '../../../../src/plan/cluster/plan-reset.ts';
import { at, failureOf, healthyViews, specOf } from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const spec = specOf({ primaries: 3, replicas: 1 });
const healthy = healthyViews(spec);
const GHOST = 'ab'.repeat(20);

async function refusal(work: () => unknown): Promise<string> {
  const { code, message, hint, details } = await failureOf(work);
  expect(code).toBe('USAGE');
  return [message, ...details, hintText(hint ?? '')].join('\n');
}

function away(views: readonly NodeView[], name: string): NodeView[] {
  return views.map((view) => (view.name === name ? { name, reachable: false, reason: 'ECONNREFUSED' } : view));
}

/** Everybody also knows these. */
function withRows(...lines: readonly string[]): ReachableView[] {
  const added: readonly NodeRow[] = lines.map((line) => parseNodeTable(line.replace('master', 'myself,master')).myself);
  return healthy.map((view) => ({ ...view, table: { ...view.table, rows: [...view.table.rows, ...added] } }));
}

/** Started without a node table: alone, and with nothing. */
function blank(view: ReachableView): ReachableView {
  const myself: NodeRow = { ...view.table.myself, role: 'primary', primaryId: undefined, slots: [] };
  return { ...view, keyCount: 0, replicationLink: undefined, table: { myself, rows: [myself] } };
}

function blanked(...names: readonly string[]): ReachableView[] {
  return healthy
    .map((view) => (names.includes(view.name) ? blank(view) : view))
    .map((view) => {
      const rows = view.table.rows.filter(
        ({ ip, id }) =>
          id === view.table.myself.id || !spec.nodes.some((node) => node.ip === ip && names.includes(node.name)),
      );
      return { ...view, table: { ...view.table, rows } };
    });
}

test('a stranger is found by its id, its beginning, or its address', () => {
  const views = withRows(`${GHOST} 172.20.0.99:6379@16379 master,fail - 0 0 3 disconnected`);
  for (const text of [GHOST, 'abab', '172.20.0.99:6379', '172.20.0.99:6379@16379']) {
    expect(planForget(spec, views, text)).toBe(GHOST);
  }
  // It had the address of a node that has another id now.
  const replaced = withRows(`${GHOST} 172.20.0.11:6379@16379 master,fail - 0 0 3 disconnected`);
  expect(planForget(spec, replaced, '172.20.0.11:6379')).toBe(GHOST);
});

test('whom nobody knows, who is meant twice, who is ours, and who owns or is followed is not forgotten', async () => {
  const line = (id: string, rest = ''): string =>
    `${id} 172.20.0.99:6379@16379 master,fail - 0 0 3 disconnected${rest}`;
  expect(await refusal(() => planForget(spec, withRows(line(GHOST)), 'cd'))).toContain(
    `nobody knows a node cd\n${GHOST} at 172.20.0.99:6379`,
  );
  const twins = withRows(line(GHOST), line('ac'.repeat(20)));
  expect(await refusal(() => planForget(spec, twins, '172.20.0.99:6379'))).toContain('more than one node is meant');
  const ours = at(healthy, 0).table.myself.id;
  const alike = withRows(line(`${ours.slice(0, 8)}${'0'.repeat(32)}`));
  expect(await refusal(() => planForget(spec, alike, ours.slice(0, 8)))).toContain('more than one node is meant');
  expect(await refusal(() => planForget(spec, healthy, 'redis-2'))).toContain('redis-2 is a node of the YAML file');
  expect(await refusal(() => planForget(spec, healthy, at(healthy, 2).table.myself.id))).toContain(
    'redis-3 is a node of the YAML file\nnpx tsx manage.ts cluster remove-node redis-3',
  );
  expect(await refusal(() => planForget(spec, withRows(line(GHOST, ' 0-5460')), 'abab'))).toContain('owns 5461 slots');
  const following = withRows(line(GHOST)).map((view) =>
    view.name === 'redis-4'
      ? { ...view, table: { ...view.table, myself: { ...view.table.myself, primaryId: GHOST } } }
      : view,
  );
  expect(await refusal(() => planForget(spec, following, GHOST))).toContain(
    "can't forget its own primary\nnpx tsx manage.ts cluster replicate redis-4 --of redis-1",
  );
});

test('a node that does not answer may be the stranger', async () => {
  const views = away(healthy, 'redis-6');
  expect(await refusal(() => planForget(spec, views, '172.20.0.16:6379'))).toContain('may be redis-6 of the YAML file');
});

test('a blank node is introduced by each of the others, and one that all know by nobody', () => {
  const views = blanked('redis-6');
  expect(planMeet(views, 'redis-6').map(({ name }) => name)).toHaveLength(5);
  expect(planMeet(healthy, 'redis-6')).toEqual([]);
  // Seen from the only one that holds the slots, the many blank ones are not the cluster.
  const others = ['redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6'];
  expect(planMeet(blanked(...others), 'redis-3').map(({ name }) => name)).toEqual(['redis-1']);
  expect(findMeetProblems('redis-6', ['redis-1'], views)).toEqual([
    'redis-1 has no link to redis-6 yet',
    'redis-6 has no link to redis-1 yet',
  ]);
  expect(findMeetProblems('redis-6', ['redis-1'], healthy)).toEqual([]);
});

test('two clusters are not made one', async () => {
  const views = blanked('redis-6').map((view) => (view.name === 'redis-6' ? { ...view, keyCount: 1 } : view));
  expect(await refusal(() => planMeet(views, 'redis-6'))).toContain('redis-6 and redis-1 are of two clusters');
  const alone = spec.nodes.slice(1).reduce<NodeView[]>((all, { name }) => away(all, name), [...healthy]);
  expect(await refusal(() => planMeet(alone, 'redis-1'))).toContain('no other node answers');
});

test('what keeps a node from being blank', () => {
  expect(whyNotBlank(blank(at(healthy, 0)))).toBeUndefined();
  expect(whyNotBlank({ ...blank(at(healthy, 0)), keyCount: 2 })).toBe('redis-1: it holds 2 keys');
  expect(whyNotBlank(at(healthy, 3))).toBe(
    'redis-4: it knows 5 other nodes, it is a replica, 16384 slots have an owner',
  );
  expect(whyNotBlank({ name: 'redis-1', reachable: false, reason: 'LOADING' })).toBe(
    'redis-1 does not answer: LOADING',
  );
});

test('what may be reset: replicas with their primary there, nodes with nothing, or all where no key is', async () => {
  const names = spec.nodes.map(({ name }) => name);
  const holding = healthy.map((view) => ({ ...view, keyCount: 4 }));
  expect(planReset(spec, holding, ['redis-4', 'redis-5'])).toHaveLength(2);
  expect(planReset(spec, healthy, names)).toHaveLength(6);
  expect(await refusal(() => planReset(spec, holding, names))).toContain('redis-6 holds 4 keys');
  expect(await refusal(() => planReset(spec, away(healthy, 'redis-6'), names))).toContain('redis-6 does not answer');
  expect(await refusal(() => planReset(spec, away(holding, 'redis-1'), ['redis-4']))).toContain('nowhere else');
  expect(await refusal(() => planReset(spec, healthy, ['redis-4', 'redis-1']))).toContain('redis-1 owns 5461 slots');
  const slotless = healthy.map((view) =>
    view.name === 'redis-1' ? { ...view, table: { ...view.table, myself: { ...view.table.myself, slots: [] } } } : view,
  );
  expect(await refusal(() => planReset(spec, slotless, ['redis-1']))).toContain('redis-4 is a replica of redis-1');
  expect(planReset(spec, slotless, ['redis-1', 'redis-4'])).toHaveLength(2);
});
