import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { topologyOf } from '../../../../src/api/inspection/topology.ts';
import type { NodeRow } from '../../../../src/cluster/nodes/node-table.ts';
import { SLOT_COUNT, type SlotRange } from '../../../../src/cluster/slots/slots.ts';
import type { NodeView } from '../../../../src/cluster/nodes/view.ts';
import { initialNodeId } from '../../../../src/plan/model/names.ts';
import { observationOf, without } from '../../../helpers/observations.ts';

/** A view whose rows are changed. */
function withRows(view: NodeView, change: (row: NodeRow) => NodeRow): NodeView {
  if (!view.reachable) return view;
  const rows = view.table.rows.map(change);
  const myself = rows.find(({ flags }) => flags.has('myself')) ?? view.table.myself;
  return { ...view, table: { rows, myself } };
}

/** Every node says of itself that it owns these. */
function claiming(claims: Readonly<Record<string, readonly SlotRange[]>>, epochs: Readonly<Record<string, number>>) {
  return (view: NodeView): NodeView =>
    withRows(view, (row) =>
      row.flags.has('myself') ? { ...row, slots: claims[view.name] ?? [], configEpoch: epochs[view.name] ?? 0 } : row,
    );
}

describe('the members', () => {
  test('stand in the order of the YAML file, whoever answers', () => {
    for (const away of [[], ['redis-1'], ['redis-2', 'redis-3'], ['redis-1', 'redis-2', 'redis-3']]) {
      const { members } = topologyOf(observationOf({}, without(...away)));
      expect(members.map(({ spec }) => spec?.name)).toEqual(['redis-1', 'redis-2', 'redis-3']);
      expect(members.map(({ address }) => address)).toEqual([11, 12, 13].map((last) => `172.20.0.${last}:6379`));
    }
  });

  test('a node that does not answer is known by what the others say of it', () => {
    const { members, assignedCount } = topologyOf(observationOf({}, without('redis-2')));
    expect(members[1]?.row?.id).toBe(initialNodeId('dev', 'redis-2'));
    expect(members[1]?.slots).toEqual([{ start: 5461, end: 10_922 }]);
    expect(assignedCount).toBe(SLOT_COUNT);
  });

  test('of two rows with its address the one with the higher epoch counts', () => {
    const ghost = 'f'.repeat(40);
    const twice = (view: NodeView): NodeView => {
      if (view.name === 'redis-2') return { name: 'redis-2', reachable: false, reason: 'ECONNREFUSED' };
      if (view.name === 'redis-1' || !view.reachable) return view;
      return withRows(view, (row) => (row.ip === '172.20.0.12' ? { ...row, id: ghost, configEpoch: 99 } : row));
    };
    expect(topologyOf(observationOf({}, twice)).members[1]?.row?.id).toBe(ghost);
  });

  test('strangers come after them, and rows of a handshake or without an address are nobody', () => {
    const stranger = (id: string, ip: string, flag: string): NodeRow => ({
      id,
      ip,
      port: 6379,
      busPort: 16_379,
      hostname: '',
      flags: new Set([flag]),
      role: 'primary',
      primaryId: undefined,
      configEpoch: 0,
      connected: true,
      slots: [],
      openSlots: [],
    });
    const observation = observationOf({}, (view) => {
      if (!view.reachable || view.name !== 'redis-1') return view;
      const rows = [
        ...view.table.rows,
        stranger('b', '10.0.0.2', 'master'),
        stranger('a', '10.0.0.1', 'master'),
        stranger('c', '10.0.0.3', 'handshake'),
        stranger('d', '', 'noaddr'),
      ];
      return { ...view, table: { ...view.table, rows } };
    });
    expect(topologyOf(observation).members.map(({ address }) => address)).toEqual([
      '172.20.0.11:6379',
      '172.20.0.12:6379',
      '172.20.0.13:6379',
      '10.0.0.1:6379',
      '10.0.0.2:6379',
    ]);
  });
});

describe('who owns what', () => {
  test('where two claim a slot, it is shown with the one of the higher epoch, and with nobody else', () => {
    const both = { 'redis-1': [{ start: 0, end: 100 }], 'redis-2': [{ start: 50, end: 150 }] };
    for (const [epochs, border] of [
      [{ 'redis-1': 1, 'redis-2': 2 }, 50],
      [{ 'redis-1': 2, 'redis-2': 1 }, 101],
    ] as const) {
      const { owned } = topologyOf(observationOf({}, claiming(both, epochs)));
      expect(owned.map(({ start, end, member }) => [start, end, member.spec?.name])).toEqual([
        [0, border - 1, 'redis-1'],
        [border, 150, 'redis-2'],
      ]);
    }
  });

  test('ranges are ascending, apart, as long as they can be, and those that the nodes claim', () => {
    const anyRange = fc
      .tuple(fc.nat(SLOT_COUNT - 1), fc.nat(SLOT_COUNT - 1))
      .map(([one, other]) => ({ start: Math.min(one, other), end: Math.max(one, other) }));
    const ranges = fc.array(anyRange, { maxLength: 4 });
    const claims = fc.record({ 'redis-1': ranges, 'redis-2': ranges, 'redis-3': ranges });
    fc.assert(
      fc.property(claims, (given) => {
        const { owned, members, assignedCount } = topologyOf(observationOf({}, claiming(given, {})));
        const claimed = new Set<number>();
        for (const { start, end } of Object.values(given).flat()) {
          for (let slot = start; slot <= end; slot += 1) claimed.add(slot);
        }
        expect(assignedCount).toBe(claimed.size);
        for (const [index, { start, end, member }] of owned.entries()) {
          const next = owned[index + 1];
          expect(start).toBeLessThanOrEqual(end);
          if (next === undefined) continue;
          expect(next.start).toBeGreaterThan(end);
          expect(next.start > end + 1 || next.member !== member).toBe(true);
        }
        expect(members.flatMap(({ slots }) => slots)).toHaveLength(owned.length);
      }),
      { numRuns: 50 },
    );
  });

  test('is put together once for each look', () => {
    const observation = observationOf();
    expect(topologyOf(observation)).toBe(topologyOf(observation));
    expect(topologyOf(observationOf())).not.toBe(topologyOf(observation));
  });
});
