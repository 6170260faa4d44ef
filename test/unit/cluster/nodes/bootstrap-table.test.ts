import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bootstrapTable,
  isBootstrapping,
  isPhantom,
  phantomId,
  phantomRows,
  type BootstrapNode,
} from '../../../../src/cluster/nodes/bootstrap-table.ts';
import { parseNodeTable } from '../../../../src/cluster/nodes/node-table.ts';
import { countSlots, divideSlots, SLOT_COUNT } from '../../../../src/cluster/slots/slots.ts';
import { initialNodeId } from '../../../../src/plan/model/names.ts';

interface Topology {
  readonly primaryCount: number;
  readonly nodes: readonly BootstrapNode[];
}

function topologyOf(primaryCount: number, replicas: number): Topology {
  const nodes = Array.from({ length: primaryCount * (replicas + 1) }, (_, index) => ({
    id: initialNodeId('dev', `redis-${index}`),
    ip: `172.20.0.${index + 2}`,
    port: 6379,
    otherPort: 'tls-port=6380',
    busPort: 16379,
    shard: index % primaryCount,
  }));
  return { primaryCount, nodes };
}

const anyTopology = fc
  .tuple(fc.integer({ min: 3, max: 30 }), fc.integer({ min: 0, max: 3 }))
  .map(([primaryCount, replicas]) => topologyOf(primaryCount, replicas));

test('a new node of a small cluster begins as the replica of a primary that does not exist', () => {
  const nodes = ['a', 'b', 'c'].map((letter, index) => ({
    id: letter.repeat(40),
    ip: `10.0.0.${index + 1}`,
    port: 6379,
    otherPort: 'tls-port=6380',
    busPort: 16379,
    shard: index,
  }));
  expect(bootstrapTable(nodes, 3, 1)).toMatchInlineSnapshot(`
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 10.0.0.1:6379@16379,,tls-port=6380,shard-id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa slave 0000000000000000000000000000000000000000 0 0 1 disconnected
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb 10.0.0.2:6379@16379,,tls-port=6380,shard-id=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb myself,slave 0000000000000000000000000000000000000001 0 0 2 connected
    cccccccccccccccccccccccccccccccccccccccc 10.0.0.3:6379@16379,,tls-port=6380,shard-id=cccccccccccccccccccccccccccccccccccccccc slave 0000000000000000000000000000000000000002 0 0 3 disconnected
    0000000000000000000000000000000000000000 :0@0,,shard-id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa master - 0 0 1 disconnected 0-5460
    0000000000000000000000000000000000000001 :0@0,,shard-id=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb master - 0 0 2 disconnected 5461-10922
    0000000000000000000000000000000000000002 :0@0,,shard-id=cccccccccccccccccccccccccccccccccccccccc master - 0 0 3 disconnected 10923-16383
    vars currentEpoch 5 lastVoteEpoch 0
    "
  `);
});

describe('in any topology', () => {
  test('every node finds itself as a replica of the phantom of its shard, and all other nodes at their addresses', () => {
    fc.assert(
      fc.property(anyTopology, ({ primaryCount, nodes }) => {
        for (const [self, node] of nodes.entries()) {
          const { myself, rows } = parseNodeTable(bootstrapTable(nodes, primaryCount, self));
          expect(myself).toMatchObject({ id: node.id, role: 'replica', primaryId: phantomId(node.shard), slots: [] });
          const others = rows
            .filter(({ id }) => !isPhantom(id))
            .map(({ id, ip, port, busPort }) => ({ id, ip, port, busPort }));
          expect(others).toEqual(nodes.map(({ id, ip, port, busPort }) => ({ id, ip, port, busPort })));
          expect(rows.filter(({ flags }) => flags.has('myself'))).toHaveLength(1);
        }
      }),
      { numRuns: 10 },
    );
  });

  test('the phantoms own every slot exactly once, and nobody else owns any', () => {
    fc.assert(
      fc.property(anyTopology, ({ primaryCount, nodes }) => {
        const table = parseNodeTable(bootstrapTable(nodes, primaryCount, 0));
        const phantoms = phantomRows(table);
        expect(phantoms.map(({ id }) => id)).toEqual(divideSlots(primaryCount).map((_, shard) => phantomId(shard)));
        expect(phantoms.flatMap(({ slots }) => slots)).toEqual(divideSlots(primaryCount));
        expect(countSlots(phantoms.flatMap(({ slots }) => slots))).toBe(SLOT_COUNT);
        expect(table.rows.filter(({ id, slots }) => !isPhantom(id) && slots.length > 0)).toEqual([]);
        // Valkey doesn't count one without an address as a primary that serves.
        expect(phantoms.every(({ ip, flags, connected }) => ip === '' && !flags.has('noaddr') && !connected)).toBe(
          true,
        );
      }),
    );
  });

  test('a primary, its replicas and their phantom have one shard id, which no other shard has', () => {
    fc.assert(
      fc.property(anyTopology, ({ primaryCount, nodes }) => {
        const rows = bootstrapTable(nodes, primaryCount, 0)
          .split('\n')
          .slice(0, nodes.length + primaryCount);
        const shards = rows.map((row) => /,shard-id=([0-9a-f]{40}) /.exec(row)?.[1]);
        const numbers = [...nodes.map(({ shard }) => shard), ...divideSlots(primaryCount).map((_, shard) => shard)];
        expect(shards).toEqual(numbers.map((shard) => nodes[shard]?.id));
      }),
    );
  });

  test('no two nodes have the same current epoch, and none has one below an epoch in its table', () => {
    fc.assert(
      fc.property(anyTopology, ({ primaryCount, nodes }) => {
        const epochs = nodes.map((_, self) => {
          const text = bootstrapTable(nodes, primaryCount, self);
          const current = Number(/^vars currentEpoch (\d+) lastVoteEpoch 0$/m.exec(text)?.[1]);
          const configEpochs = parseNodeTable(text).rows.map(({ configEpoch }) => configEpoch);
          expect(current).toBeGreaterThan(Math.max(...configEpochs));
          return current;
        });
        expect(new Set(epochs).size).toBe(nodes.length);
      }),
      { numRuns: 10 },
    );
  });

  test('the text ends with a line break: Redis takes a cut-off last line for a corrupt file', () => {
    const { nodes, primaryCount } = topologyOf(3, 1);
    expect(bootstrapTable(nodes, primaryCount, 5).endsWith('lastVoteEpoch 0\n')).toBe(true);
  });
});

describe('phantoms', () => {
  test('have ids as Redis wants them, and are recognised', () => {
    const ids = Array.from({ length: 1000 }, (_, shard) => phantomId(shard));
    expect(ids.every((id) => /^[0-9a-f]{40}$/.test(id) && isPhantom(id))).toBe(true);
    expect(new Set(ids).size).toBe(1000);
  });

  test('are never mistaken for nodes', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (stack, node) => {
        expect(isPhantom(initialNodeId(stack, node))).toBe(false);
      }),
    );
    expect(isPhantom(undefined)).toBe(false);
    expect(isPhantom('')).toBe(false);
  });

  test('a node is bootstrapping as long as its primary is a phantom', () => {
    const { nodes, primaryCount } = topologyOf(3, 0);
    const text = bootstrapTable(nodes, primaryCount, 0);
    expect(isBootstrapping(parseNodeTable(text))).toBe(true);
    const taken = text.replace(`myself,slave ${phantomId(0)}`, 'myself,master -');
    expect(isBootstrapping(parseNodeTable(taken))).toBe(false);
    expect(phantomRows(parseNodeTable(taken))).toHaveLength(3);
  });
});
