import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPhantom, phantomId } from '../../../../src/cluster/nodes/bootstrap-table.ts';
import { findClusterProblems } from '../../../../src/cluster/findings/health.ts';
import { busAddress } from '../../../../src/cluster/nodes/node-table.ts';
import { SLOT_COUNT } from '../../../../src/cluster/slots/slots.ts';
import type { NodeRow } from '../../../../src/cluster/nodes/node-table.ts';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { newAction } from '../../../../src/plan/model/action.ts';
import { planCluster, type ClusterAction } from '../../../../src/plan/cluster/plan-cluster.ts';
import { primariesOf, type Spec } from '../../../../src/spec/spec.ts';
import { at, healthyViews, specOf, viewOf } from '../../../helpers/builders.ts';
import {
  blankNodes,
  gossip,
  obey,
  observe,
  seededNodes,
  selfOf,
  slotsOwned,
  type SimulatedNode,
} from '../../../helpers/simulated-cluster.ts';

function textOf(actions: readonly ClusterAction[]): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case 'take over':
        return `${action.target}: take over`;
      case 'forget':
        return `${action.target}: forget ${action.nodeId}`;
      case 'meet':
        return `${action.target}: meet ${action.ip}:${action.port}@${action.busPort}`;
      case 'add slots':
        return `${action.target}: add slots ${action.range.start}-${action.range.end}`;
      case 'replicate':
        return `${action.target}: replicate ${action.primaryId}`;
    }
  });
}

function plan(spec: Spec, nodes: readonly SimulatedNode[]): string[] {
  return textOf(planCluster(spec, nodes.map(observe)));
}

function send(spec: Spec, nodes: readonly SimulatedNode[]): void {
  for (const action of planCluster(spec, nodes.map(observe))) obey(action, nodes);
}

function problemsOf(spec: Spec, nodes: readonly SimulatedNode[]): string[] {
  const addresses = new Map(spec.nodes.map(({ name, announced }) => [name, busAddress(announced)]));
  return findClusterProblems(
    { primaryCount: primariesOf(spec).length, replicaCount: spec.nodes.length - primariesOf(spec).length, addresses },
    nodes.map(observe),
  );
}

describe('a whole cluster', () => {
  test.each([
    ['3 + 0', specOf()],
    ['3 + 3', specOf({ replicas: 1 })],
  ])('%s needs no command', (_name, spec) => {
    expect(planCluster(spec, healthyViews(spec))).toEqual([]);
  });

  test('needs none either when a replica has become primary', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = seededNodes(spec);
    gossip(nodes);
    for (let round = 0; round < 5; round += 1) {
      send(spec, nodes);
      gossip(nodes);
    }
    obey(newAction('take over', 'redis-4', 'by hand'), nodes);
    gossip(nodes);
    expect(selfOf(at(nodes, 0)).primaryId).toBe(at(nodes, 3).id);
    expect(plan(spec, nodes)).toEqual([]);
  });
});

describe('a new cluster, whose slots phantoms hold', () => {
  const spec = specOf({ replicas: 1 });

  test('goes step by step: links, takeovers, and the phantoms only when nobody believes in them', () => {
    const nodes = seededNodes(spec);
    expect(plan(spec, nodes)).toEqual([]);
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual(['redis-1: take over', 'redis-2: take over', 'redis-3: take over']);
    send(spec, nodes);
    expect(plan(spec, nodes)).toEqual([]);
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual(
      spec.nodes.flatMap(({ name }) => [0, 1, 2].map((shard) => `${name}: forget ${phantomId(shard)}`)),
    );
    send(spec, nodes);
    expect(plan(spec, nodes)).toEqual([]);
    expect(problemsOf(spec, nodes)).toEqual([]);
  });

  test('nobody takes over while one link is missing', () => {
    const nodes = seededNodes(spec);
    gossip(nodes);
    const last = at(nodes, 5);
    const belief = last.beliefs.get(at(nodes, 0).id);
    if (belief !== undefined) belief.connected = false;
    expect(plan(spec, nodes)).toEqual([]);
  });

  test('nobody takes over while one node does not answer', () => {
    const nodes = seededNodes(spec);
    gossip(nodes);
    expect(
      planCluster(spec, [...nodes.slice(0, 5).map(observe), { name: 'redis-6', reachable: false, reason: 'LOADING' }]),
    ).toEqual([]);
  });

  test('only a node that is ok takes over: else it would wait two seconds for its writes', () => {
    const nodes = seededNodes(spec);
    gossip(nodes);
    const views = nodes
      .map(observe)
      .map((view): ReachableView =>
        view.name === 'redis-2' ? { ...view, info: { ...view.info, state: 'fail' } } : view,
      );
    expect(textOf(planCluster(spec, views))).toEqual(['redis-1: take over', 'redis-3: take over']);
  });

  test.each(['fail?', 'fail'])(
    'nodes that were slow and have phantoms as %s take over, although they are not ok',
    (flag) => {
      const nodes = seededNodes(spec);
      gossip(nodes);
      const views = nodes.map(observe).map((view): ReachableView => {
        const rows = view.table.rows.map((row) =>
          isPhantom(row.id) ? { ...row, flags: new Set([...row.flags, flag]) } : row,
        );
        return { ...view, table: { ...view.table, rows }, info: { ...view.info, state: 'fail' } };
      });
      expect(textOf(planCluster(spec, views))).toEqual([1, 2, 3].map((node) => `redis-${node}: take over`));
    },
  );

  test('a node that believes a phantom to own slots keeps all phantoms known', () => {
    const nodes = seededNodes(spec);
    gossip(nodes);
    send(spec, nodes);
    gossip(nodes.slice(0, 5));
    expect(plan(spec, nodes)).toEqual([]);
  });

  test('a replica does not forget a phantom that is still its primary', () => {
    const nodes = seededNodes(spec);
    gossip(nodes);
    send(spec, nodes);
    gossip(nodes);
    selfOf(at(nodes, 4)).primaryId = phantomId(1);
    expect(plan(spec, nodes)).not.toContain(`redis-5: forget ${phantomId(1)}`);
    expect(plan(spec, nodes)).toContain(`redis-5: forget ${phantomId(0)}`);
    send(spec, nodes);
    expect(plan(spec, nodes)).toEqual([`redis-5: replicate ${at(nodes, 1).id}`]);
  });
});

describe('new nodes without a table', () => {
  test('meet, get their slots when all are linked, and replicas follow', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = blankNodes(spec);
    expect(plan(spec, nodes).slice(0, 2)).toEqual([
      'redis-1: meet 172.20.0.12:6380@16379',
      'redis-1: meet 172.20.0.13:6380@16379',
    ]);
    send(spec, nodes);
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual([
      'redis-1: add slots 0-5460',
      'redis-2: add slots 5461-10922',
      'redis-3: add slots 10923-16383',
    ]);
    send(spec, nodes);
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual(
      [4, 5, 6].map((number, index) => `redis-${number}: replicate ${at(nodes, index).id}`),
    );
    send(spec, nodes);
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual([]);
    expect(problemsOf(spec, nodes)).toEqual([]);
  });

  test.each([
    [{ cluster: true }, 6380],
    [{ cluster: false }, 6379],
    [{ plain: false }, 6380],
    [{ enabled: false }, 6379],
  ])('meet on the port that serves what the bus will speak: tls %j, port %i', (tls, port) => {
    const spec = specOf({ tls });
    expect(plan(spec, blankNodes(spec))).toEqual([
      `redis-1: meet 172.20.0.12:${port}@16379`,
      `redis-1: meet 172.20.0.13:${port}@16379`,
      `redis-2: meet 172.20.0.13:${port}@16379`,
    ]);
  });

  test('no slots are handed out while a link is missing or a node does not answer', () => {
    const spec = specOf();
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    const answering = nodes.slice(0, 2).map(observe);
    expect(planCluster(spec, [...answering, { name: 'redis-3', reachable: false, reason: 'ECONNREFUSED' }])).toEqual(
      [],
    );
    const belief = at(nodes, 0).beliefs.get(at(nodes, 1).id);
    if (belief !== undefined) belief.connected = false;
    expect(plan(spec, nodes)).toEqual([]);
  });

  test('no slots are handed out where a node has a key: its slots are lost, not new', () => {
    const spec = specOf();
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    at(nodes, 2).keyCount = 1;
    expect(plan(spec, nodes)).toEqual([]);
  });

  test('no slots are handed out where some have an owner', () => {
    const spec = specOf();
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    selfOf(at(nodes, 2)).slots.push({ start: 5, end: 5 });
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual([]);
  });
});

describe('nodes that lost sight of each other', () => {
  /** A 3 + 3 cluster as it is after its bootstrap. */
  function formed(spec: Spec): SimulatedNode[] {
    const nodes = seededNodes(spec);
    gossip(nodes);
    for (let round = 0; round < 3; round += 1) {
      send(spec, nodes);
      gossip(nodes);
    }
    return nodes;
  }

  test('an address that changed is made known by a meeting', () => {
    const spec = specOf();
    const nodes = formed(spec);
    for (const index of [0, 1]) {
      const belief = at(nodes, index).beliefs.get(at(nodes, 2).id);
      if (belief !== undefined) belief.ip = '172.20.0.99';
    }
    expect(planCluster(spec, nodes.map(observe))).toEqual(
      ['redis-1', 'redis-2'].map((node) =>
        newAction('meet', node, 'it has an old address of redis-3', { ip: '172.20.0.13', port: 6380, busPort: 16379 }),
      ),
    );
  });

  test('a node that was forgotten by one but knows it is met again', () => {
    const spec = specOf();
    const nodes = formed(spec);
    at(nodes, 0).beliefs.delete(at(nodes, 1).id);
    expect(plan(spec, nodes)).toEqual(['redis-1: meet 172.20.0.12:6380@16379']);
  });

  test('a blank node is taken into a cluster with data, and becomes the replica that it is to be', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = formed(spec);
    const lone = at(blankNodes(spec), 5);
    for (const node of nodes.slice(0, 5)) {
      node.beliefs.delete(at(nodes, 5).id);
      node.keyCount = 100;
    }
    const world = [...nodes.slice(0, 5), lone];
    expect(plan(spec, world)).toEqual([1, 2, 3, 4, 5].map((number) => `redis-${number}: meet 172.20.0.16:6380@16379`));
    send(spec, world);
    gossip(world);
    expect(plan(spec, world)).toEqual([`redis-6: replicate ${at(nodes, 2).id}`]);
    send(spec, world);
    gossip(world);
    expect(problemsOf(spec, world)).toEqual([]);
  });

  test('two clusters with data are never merged', () => {
    const spec = specOf();
    const own = formed(spec);
    const stranger = viewOf(
      'redis-3',
      `${'e'.repeat(40)} 172.20.0.13:6379@16379 myself,master - 0 0 1 connected 0-16383`,
      {
        nodeCount: 1,
        primaryCount: 1,
      },
    );
    for (const node of own) node.beliefs.delete(at(own, 2).id);
    expect(planCluster(spec, [...own.slice(0, 2).map(observe), stranger])).toEqual([]);
  });

  test('a node that has keys but no slots is not taken in: the keys would be lost', () => {
    const spec = specOf();
    const own = formed(spec);
    for (const node of own) node.beliefs.delete(at(own, 2).id);
    const keeper = at(blankNodes(spec), 2);
    keeper.keyCount = 1;
    const world = [...own.slice(0, 2), keeper];
    expect(plan(spec, world)).toEqual([]);
    keeper.keyCount = 0;
    expect(plan(spec, world)).toHaveLength(2);
  });
});

describe('replicas', () => {
  test('a primary with keys or slots is never made a replica', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    send(spec, nodes);
    at(nodes, 3).keyCount = 1;
    at(nodes, 4).beliefs.get(at(nodes, 4).id)?.slots.push({ start: 16383, end: 16383 });
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual([`redis-6: replicate ${at(nodes, 2).id}`]);
  });

  test('nobody follows a primary that owns nothing', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    at(nodes, 0).keyCount = 1;
    expect(plan(spec, nodes)).toEqual([]);
  });
});

describe('converging', () => {
  const shape = fc.record({ primaries: fc.integer({ min: 3, max: 7 }), replicas: fc.integer({ min: 0, max: 2 }) });

  test.each([
    ['with seeded tables', seededNodes],
    ['without a table', blankNodes],
  ])('nodes %s become a whole cluster, even if commands get lost', (_name, begin) => {
    fc.assert(
      fc.property(shape, fc.infiniteStream(fc.boolean()), (size, arrives) => {
        const spec = specOf(size);
        const nodes = begin(spec);
        gossip(nodes);
        let wasWhole = false;
        for (let round = 0; round < 60; round += 1) {
          const actions = planCluster(spec, nodes.map(observe));
          const isDone = actions.length === 0 && problemsOf(spec, nodes).length === 0;
          if (isDone) break;
          for (const action of actions) {
            if (action.type === 'add slots' || arrives.next().value === true) obey(action, nodes);
          }
          gossip(nodes);
          // Once every slot has an owner, none ever loses it.
          const isWhole = slotsOwned(nodes) === SLOT_COUNT;
          expect(isWhole || !wasWhole).toBe(true);
          wasWhole = isWhole;
        }
        expect(problemsOf(spec, nodes)).toEqual([]);
        expect(planCluster(spec, nodes.map(observe))).toEqual([]);
        expect(nodes.flatMap(({ beliefs }) => [...beliefs.keys()]).filter(isPhantom)).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

describe('a way that was interrupted', () => {
  test('slots that were handed out in part are handed out to the end', () => {
    const spec = specOf();
    const nodes = blankNodes(spec);
    send(spec, nodes);
    gossip(nodes);
    selfOf(at(nodes, 1)).slots.push({ start: 5461, end: 10922 });
    gossip(nodes);
    expect(plan(spec, nodes)).toEqual(['redis-1: add slots 0-5460', 'redis-3: add slots 10923-16383']);
  });

  test('a primary that came back empty after its replica took over becomes a replica of it', () => {
    const spec = specOf({ replicas: 1 });
    const nodes = blankNodes(spec);
    while (plan(spec, nodes).length > 0) {
      send(spec, nodes);
      gossip(nodes);
    }
    const [lost, promoted] = [at(nodes, 0), at(nodes, 3)];
    Object.assign(selfOf(promoted), { isReplica: false, primaryId: undefined, slots: selfOf(lost).slots, epoch: 99 });
    selfOf(lost).slots = [];
    gossip(nodes);
    expect(problemsOf(spec, nodes)).toEqual(['only 2 of 3 replicas follow a primary']);
    expect(plan(spec, nodes)).toEqual([`redis-1: replicate ${promoted.id}`]);
  });
});

describe('what is gone', () => {
  test('on several hosts it follows the primary of another one, even where that has a replica', () => {
    const onHosts = (...hosts: readonly string[]): Spec => {
      const spec = specOf({ replicas: 1 });
      return { ...spec, nodes: spec.nodes.map((node, index) => ({ ...node, host: hosts[index] })) };
    };
    const planned = (spec: Spec): string[] => {
      const views = healthyViews(spec);
      const primary = at(views, 0);
      const replica = at(views, 3);
      const [{ table }] = [primary];
      const slots = table.myself.slots;
      const swapped = views.map((view) => ({
        ...view,
        table: {
          ...view.table,
          rows: view.table.rows.map((row) => swap(row)),
          myself: swap(view.table.myself),
        },
        keyCount: 0,
      }));
      return textOf(planCluster(spec, swapped));

      function swap(row: NodeRow): NodeRow {
        if (row.id === table.myself.id) return { ...row, slots: [] };
        return row.id === replica.table.myself.id ? { ...row, role: 'primary', primaryId: undefined, slots } : row;
      }
    };
    const views = healthyViews(specOf({ replicas: 1 }));
    const idOf = (index: number): string => at(views, index).table.myself.id;
    expect(planned(onHosts('a', 'b', 'c', 'b', 'c', 'a'))).toEqual([`redis-1: replicate ${idOf(3)}`]);
    expect(planned(onHosts('a', 'b', 'c', 'a', 'c', 'a'))).toEqual([`redis-1: replicate ${idOf(1)}`]);
  });

  test('a node that failed, owns nothing and is in no file any more is forgotten by everybody', () => {
    const spec = specOf();
    const three = blankNodes(spec);
    while (plan(spec, three).length > 0) {
      send(spec, three);
      gossip(three);
    }
    const views = three.map(observe);
    const ghost = 'f'.repeat(40);
    const haunted = views.map((view) => {
      const row = {
        ...view.table.myself,
        id: ghost,
        ip: '172.20.0.99',
        slots: [],
        flags: new Set(['master', 'fail']),
        connected: false,
      };
      return { ...view, table: { ...view.table, rows: [...view.table.rows, row] } };
    });
    expect(textOf(planCluster(spec, haunted))).toEqual(
      ['redis-1', 'redis-2', 'redis-3'].map((name) => `${name}: forget ${ghost}`),
    );

    const withSlots = haunted.map((view) => ({
      ...view,
      table: {
        ...view.table,
        rows: view.table.rows.map((row) => (row.id === ghost ? { ...row, slots: [{ start: 7, end: 7 }] } : row)),
      },
    }));
    expect(planCluster(spec, withSlots)).toEqual([]);
  });

  test('a new node does not bring two clusters together', () => {
    const spec = specOf({ primaries: 7 });
    const all = blankNodes(spec);
    const views = all.map(observe).map((view, index) =>
      index === 6
        ? view
        : {
            ...view,
            keyCount: 5,
            table: { ...view.table, myself: { ...view.table.myself, slots: [{ start: index, end: index }] } },
          },
    );
    expect(planCluster(spec, views)).toEqual([]);
  });
});

test('replicas that come at once are divided among the primaries, those first that have one of their own', () => {
  const spec = specOf({ replicas: 1 });
  const nodes = blankNodes(spec);
  send(spec, nodes);
  gossip(nodes);
  // The replicas of a cluster whose first two primaries have been lost: redis-5 and redis-6 have taken over.
  const [, , third, , fifth, sixth] = nodes;
  if (third === undefined || fifth === undefined || sixth === undefined) throw new Error('six nodes');
  const owners = [at(nodes, 0), fifth, sixth];
  const ranges = [
    { start: 0, end: 5460 },
    { start: 5461, end: 10922 },
    { start: 10923, end: 16383 },
  ];
  for (const [index, owner] of owners.entries()) selfOf(owner).slots = [at(ranges, index)];
  gossip(nodes);
  expect(plan(spec, nodes)).toEqual([
    `redis-4: replicate ${at(nodes, 0).id}`,
    `redis-2: replicate ${fifth.id}`,
    `redis-3: replicate ${sixth.id}`,
  ]);
});
