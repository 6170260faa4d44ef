import { describe, expect, test } from 'vitest';
import {
  clusterInfo,
  clusterNodes,
  keyOwner,
  nodeInfo,
  slotDistribution,
} from '../../../../src/api/inspection/answers.ts';
import { ProblemError } from '../../../../src/api/http/problem.ts';
import {
  ClusterInfo,
  ClusterNodes,
  KeySlot,
  NodeInfo,
  SlotDistribution,
} from '../../../../src/api/inspection/schemas.ts';
import type { NodeView } from '../../../../src/cluster/nodes/view.ts';
import { observationOf, without } from '../../../helpers/observations.ts';

function refusalOf(ask: () => unknown): ProblemError {
  try {
    ask();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('it was answered');
}

const NOBODY = without('redis-1', 'redis-2', 'redis-3');

test('every answer of a cluster that is whole, or half away, has the shape of its schema', () => {
  for (const observation of [observationOf(), observationOf({ replicas: 1 }), observationOf({}, without('redis-1'))]) {
    expect(ClusterInfo.safeParse(clusterInfo(observation)).error).toBeUndefined();
    expect(ClusterNodes.safeParse(clusterNodes(observation)).error).toBeUndefined();
    expect(SlotDistribution.safeParse(slotDistribution(observation)).error).toBeUndefined();
    expect(KeySlot.safeParse(keyOwner(observation, Buffer.from('a'))).error).toBeUndefined();
    expect(NodeInfo.safeParse(nodeInfo(observation, 'redis-2')).error).toBeUndefined();
  }
});

test('info is of the node that is the least content', () => {
  const observation = observationOf({}, (view) =>
    view.reachable && view.name === 'redis-2'
      ? { ...view, info: { ...view.info, state: 'fail', slotsOk: 5461 } }
      : undefined,
  );
  expect(clusterInfo(observation)).toMatchObject({ cluster_state: 'fail', cluster_slots_ok: 5461 });
});

test('replicas are slaves, as Redis calls them in these fields', () => {
  const { nodes } = clusterNodes(observationOf({ replicas: 1 }));
  expect(nodes.map(({ role, slot_count: count }) => [role, count])).toEqual([
    ...[5461, 5462, 5461].map((count) => ['master', count]),
    ...[0, 0, 0].map((count) => ['slave', count]),
  ]);
  expect(nodes[5]?.slots).toBe('');
});

describe('a node', () => {
  const fields = new Map([
    ['connected_slaves', '1'],
    ['used_memory', '1572864'],
    ['used_memory_human', '1.50M'],
    ['total_commands_processed', '12345'],
    ['db0', 'keys=150,expires=10,avg_ttl=0'],
    ['db1', 'keys=1,expires=0,avg_ttl=0,subexpiry=7'],
    ['dbsomething', 'keys=9'],
  ]);
  const withFields = (view: NodeView): NodeView | undefined => (view.reachable ? { ...view, fields } : undefined);

  test('is what INFO says', () => {
    expect(nodeInfo(observationOf({}, withFields), '172.20.0.11:6379')).toStrictEqual({
      node: '172.20.0.11:6379',
      role: 'master',
      connected_slaves: 1,
      used_memory: '1572864',
      used_memory_human: '1.50M',
      total_commands_processed: 12_345,
      keyspace: { db0: { keys: 150, expires: 10 }, db1: { keys: 1, expires: 0 } },
    });
  });

  test.each(['172.20.0.12:6379', '172.20.0.12:6380', 'redis-2', 'dev-redis-2'])('is found as %s', (name) => {
    expect(nodeInfo(observationOf(), name).node).toBe('172.20.0.12:6379');
  });

  test.each(['172.20.0.12', '172.20.0.12:16379', 'redis-22', 'REDIS-2', '', '__proto__'])('and not as "%s"', (name) => {
    const { status, message, more } = refusalOf(() => nodeInfo(observationOf(), name));
    expect([status, message]).toEqual([404, `the stack dev has no node ${name}`]);
    expect(more.hint).toContain('redis-2 (172.20.0.12:6379)');
  });

  test('that does not answer is 503, with where and why, and nothing of the others', () => {
    const { status, more } = refusalOf(() => nodeInfo(observationOf({}, NOBODY), 'redis-2'));
    expect([status, more.tried]).toEqual([503, ['redis-2 at 127.0.0.1:7001: ECONNREFUSED']]);
  });
});

describe('a key', () => {
  test.each([
    [Buffer.from('user:1000'), 'user:1000'],
    [Buffer.from('é🎉'), 'é🎉'],
    [Buffer.from([0xff, 0x00, 0x61, 0x25, 0x7e]), '%FF%00a%25~'],
    [Buffer.from([0xed, 0xa0, 0x80]), '%ED%A0%80'],
    [Buffer.alloc(0), ''],
  ])('%j is shown as %j', (key, shown) => {
    expect(keyOwner(observationOf(), key).key).toBe(shown);
  });

  test('whose slot nobody owns has no node', () => {
    const observation = observationOf({ primaries: 3 }, without('redis-3'));
    const lost = observation.nodes.map(({ view, ...node }) => {
      if (!view.reachable) return { ...node, view };
      const rows = view.table.rows.map((row) => ({ ...row, slots: [] }));
      return { ...node, view: { ...view, table: { rows, myself: { ...view.table.myself, slots: [] } } } };
    });
    const answer = keyOwner({ ...observation, nodes: lost }, Buffer.from('a'));
    expect(answer).toStrictEqual({ key: 'a', slot: 15_495, node: null });
  });
});

test('with nobody there, everything is 503, with every node', () => {
  const observation = observationOf({}, NOBODY);
  for (const ask of [clusterInfo, clusterNodes, slotDistribution]) {
    const { status, more } = refusalOf(() => ask(observation));
    expect(status).toBe(503);
    expect(more.tried).toEqual(
      [7000, 7001, 7002].map((port, index) => `redis-${index + 1} at 127.0.0.1:${port}: ECONNREFUSED`),
    );
  }
  expect(refusalOf(() => keyOwner(observation, Buffer.from('a'))).status).toBe(503);
});
