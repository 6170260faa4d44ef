import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { phantomId } from '../../../../src/cluster/nodes/bootstrap-table.ts';
import type { NodeRow, OpenSlot } from '../../../../src/cluster/nodes/node-table.ts';
import { SLOT_COUNT } from '../../../../src/cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { handOutSlots } from '../../../../src/cluster/slots/hand-out-slots.ts';
import { planRepair, type RepairFacts } from '../../../../src/plan/cluster/plan-repair.ts';
import { planText } from '../../../../src/plan/model/action.ts';
import { at, healthyViews, specOf } from '../../../helpers/builders.ts';
import { idOf, withGhost, withOpenSlots, withRow, withSlots } from '../../../helpers/damaged-views.ts';

const three = specOf();
const threePlusThree = specOf({ replicas: 1 });
const GHOST = 'f'.repeat(40);

/** Node → slot → keys. */
type Keys = Readonly<Record<string, Readonly<Record<number, number>>>>;

function factsOf(keys: Keys = {}): RepairFacts {
  const counts = Object.entries(keys).map(([name, slots]): [string, Map<number, number>] => [
    name,
    new Map(Object.entries(slots).map(([slot, count]) => [Number(slot), count])),
  ]);
  return { keys: new Map(counts), outdated: new Map(), hasOtherVolumes: false };
}

function plan(seen: readonly NodeView[], facts = factsOf(), spec = three): string[] {
  return planText(planRepair(spec, seen, facts))
    .split('\n')
    .filter((line) => line !== '');
}

const open = (slot: number, direction: OpenSlot['direction'], nodeId: string): OpenSlot => ({
  slot,
  direction,
  nodeId,
});

/** Nodes that hold data, and as such aren't about to begin. */
function views(spec = three): ReachableView[] {
  return healthyViews(spec).map((view) => ({ ...view, keyCount: 9 }));
}

const [id1 = '', id2 = '', id3 = ''] = ['redis-1', 'redis-2', 'redis-3'].map((name) => idOf(views(), name));

/** The three nodes, with these slots open on each. */
function opened(...openSlots: readonly (readonly OpenSlot[])[]): ReachableView[] {
  return views().map((view, index) => withOpenSlots(at(openSlots, index))(view));
}

test('a whole cluster needs nothing', () => {
  expect(plan(views())).toEqual([]);
  expect(plan(views(threePlusThree), factsOf(), threePlusThree)).toEqual([]);
});

test('who refuses writes since a save failed is to save again, before anything moves, and whoever is away', () => {
  const damaged: NodeView[] = opened([open(7, 'migrating', id2)], [open(7, 'importing', id1)], []);
  damaged[0] = { ...at(damaged.filter(isReachable), 0), fields: new Map([['rdb_last_bgsave_status', 'err']]) };
  const save = '~ save a dump of redis-1  (its last save failed, and it refuses writes until one succeeds (MISCONF))';
  expect(plan(damaged)).toEqual([save]);
  damaged[2] = { name: 'redis-3', reachable: false, reason: 'ECONNREFUSED' };
  expect(plan(damaged)).toEqual([save]);
});

test('while a node is away no slot changes hands: it may own it, or have its keys', () => {
  const damaged: NodeView[] = opened([open(7, 'migrating', id2)], [open(7, 'importing', id1)], []);
  damaged[2] = { name: 'redis-3', reachable: false, reason: 'ECONNREFUSED' };
  expect(plan(damaged)).toEqual([]);
});

describe('open slots', () => {
  test('on both sides are moved on, all of the same in one step', () => {
    const slots = [12, 13, 14];
    const both = opened(
      slots.map((slot) => open(slot, 'migrating', id2)),
      slots.map((slot) => open(slot, 'importing', id1)),
      [],
    );
    expect(plan(both, factsOf({ 'redis-1': { 12: 3, 13: 1, 14: 5 }, 'redis-2': { 12: 2, 13: 1, 14: 1 } }))).toEqual([
      '~ move slots 12-14 to redis-2, with 9 keys from redis-1  (half moved from redis-1 to redis-2)',
    ]);
    expect(plan(both)).toEqual(['~ move slots 12-14 to redis-2  (half moved from redis-1 to redis-2)']);
  });

  test('whose keys a node has read from files of before give way to those of the owner', () => {
    const reopened = opened([open(6012, 'importing', id2), open(6013, 'importing', id2)], [], []);
    const facts = {
      ...factsOf({ 'redis-1': { 6012: 2, 6013: 1 } }),
      outdated: new Map([['redis-1', new Set([6012])]]),
    };
    const [outdated, other] = planRepair(three, reopened, facts);
    expect(outdated).toMatchObject({ slots: [6012], holders: ['redis-1'], outdated: ['redis-1'], destructive: false });
    expect(other).toMatchObject({ slots: [6013], holders: ['redis-1'], outdated: [] });
  });

  test('on both sides, with keys on a third: they come, too', () => {
    const both = opened([open(12, 'migrating', id2)], [open(12, 'importing', id1)], []);
    expect(plan(both, factsOf({ 'redis-1': { 12: 3 }, 'redis-3': { 12: 1 } }))).toEqual([
      '~ move slot 12 to redis-2, with 4 keys from redis-1 and redis-3  (half moved from redis-1 to redis-2)',
    ]);
  });

  test('on the importing side only go back to the owner, with their keys', () => {
    const importing = opened([], [open(12, 'importing', id1)], []);
    expect(plan(importing, factsOf({ 'redis-1': { 12: 3 }, 'redis-2': { 12: 2 } }))).toEqual([
      '~ settle slot 12 on redis-1, with 2 keys from redis-2  (importing on redis-2 from redis-1 only)',
    ]);
    expect(plan(importing)).toEqual(['~ settle slot 12 on redis-1  (importing on redis-2 from redis-1 only)']);
  });

  test('on the migrating side only stay with the owner', () => {
    expect(plan(opened([open(12, 'migrating', id2)], [], []), factsOf({ 'redis-1': { 12: 3 } }))).toEqual([
      '~ settle slot 12 on redis-1  (migrating on redis-1 to redis-2 only)',
    ]);
  });

  test('that agree nowhere go back to the owner', () => {
    const nowhere = opened([open(12, 'migrating', id2)], [], [open(12, 'importing', id2)]);
    expect(plan(nowhere, factsOf({ 'redis-2': { 12: 1 }, 'redis-3': { 12: 1 } }))).toEqual([
      '~ settle slot 12 on redis-1, with 2 keys from redis-2 and redis-3  (migrating on redis-1 to redis-2 and importing on redis-3 from redis-2)',
    ]);
  });

  test('towards a node that is gone stay with the owner', () => {
    const lost = opened([open(12, 'migrating', GHOST)], [], []);
    expect(plan(lost)).toEqual(['~ settle slot 12 on redis-1  (migrating on redis-1 to ffffffff only)']);
  });

  test('left open on one that has given them away already', () => {
    const remnant = opened([], [open(12, 'migrating', id1)], []);
    expect(plan(remnant)).toEqual(['~ settle slot 12 on redis-1  (migrating on redis-2 to redis-1 only)']);
  });
});

describe('slots that nobody owns', () => {
  const withGap = views().map(withSlots('redis-1', [{ start: 0, end: 5449 }]));

  test('go to the node that has most of their keys, and the others bring theirs', () => {
    expect(plan(withGap, factsOf({ 'redis-2': { 5455: 1 }, 'redis-3': { 5455: 4 } }))).toEqual([
      '~ give slots 5450-5454 5456-5460 to redis-1  (without an owner)',
      '~ give slot 5455 to redis-3, with 1 key from redis-2  (without an owner)',
    ]);
  });

  test('go back to the node that alone forgot that it owns them', () => {
    const forgetful = views().map((view) =>
      view.name === 'redis-1' ? withSlots('redis-1', [{ start: 0, end: 5449 }])(view) : view,
    );
    expect(plan(forgetful)).toEqual(['~ give slots 5450-5460 to redis-1  (without an owner)']);
  });

  test('go to the node that took the place of the lost one', () => {
    const wiped = views()
      .map(withSlots('redis-1', []))
      .map((view) => (view.name === 'redis-1' ? { ...view, keyCount: 0 } : view));
    expect(plan(wiped)).toEqual(['~ give slots 0-5460 to redis-1  (without an owner)']);
  });

  test('wait until every node is linked with every other', () => {
    const [first, ...others] = withGap;
    const broken = withRow('redis-2', { connected: false })(first ?? at(withGap, 0));
    expect(plan([broken, ...others])).toEqual([]);
  });

  test('are given away each once, whatever the gaps are', () => {
    const gap = fc.record({ start: fc.nat({ max: SLOT_COUNT - 1 }), size: fc.integer({ min: 1, max: 3000 }) });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 4 }), (gaps) => {
        const free = Array.from({ length: SLOT_COUNT }, (_, slot) => slot).filter((slot) =>
          gaps.some(({ start, size }) => slot >= start && slot < start + size),
        );
        const taken = new Set(free);
        const holders = [0, 1, 2].map((index) => ({
          name: `redis-${index + 1}`,
          slots: Array.from({ length: SLOT_COUNT }, (_, slot) => slot)
            .filter((slot) => slot % 3 === index && !taken.has(slot))
            .map((slot) => ({ start: slot, end: slot })),
        }));
        const given = [...handOutSlots(free, holders, 3).values()].flat();
        expect(given.toSorted((a, b) => a - b)).toEqual(free);
      }),
      { numRuns: 20 },
    );
  });
});

describe('two owners', () => {
  const claimed = (epoch: number): ReachableView[] =>
    views().map((view) => {
      const changed = withRow('redis-2', { configEpoch: epoch })(view);
      return view.name === 'redis-2'
        ? withSlots('redis-1', [{ start: 0, end: 5459 }])(withSlots('redis-2', [{ start: 5460, end: 10922 }])(changed))
        : changed;
    });

  test('the higher epoch wins, and the keys of the other come to it before all else', () => {
    const facts = factsOf({ 'redis-1': { 5460: 2 }, 'redis-2': { 5460: 1 } });
    expect(plan(claimed(20), facts)).toEqual([
      '~ settle slot 5460 on redis-2, with 2 keys from redis-1  (claimed by redis-1 and redis-2)',
    ]);
    expect(plan(claimed(5), facts)).toEqual([
      '~ settle slot 5460 on redis-1, with 1 key from redis-2  (claimed by redis-1 and redis-2)',
    ]);
  });

  test('with equal epochs it is the one with more keys, and it takes a new epoch', () => {
    const facts = factsOf({ 'redis-1': { 5460: 1 }, 'redis-2': { 5460: 2 } });
    expect(planRepair(three, claimed(10), facts)).toEqual([
      expect.objectContaining({ destination: 'redis-2', losers: ['redis-1'], needsEpoch: true }),
    ]);
  });

  test('a primary that loses all it has is being failed over: Redis makes it a replica', () => {
    const failedOver = views(threePlusThree).map((view) => {
      const promoted = withRow('redis-4', {
        role: 'primary',
        primaryId: undefined,
        slots: [{ start: 0, end: 5460 }],
        configEpoch: 99,
      })(view);
      return view.name === 'redis-1' ? promoted : withSlots('redis-1', [])(promoted);
    });
    expect(plan(failedOver, factsOf({ 'redis-1': { 1: 1 } }), threePlusThree)).toEqual([]);
  });
});

test('nodes that believe in another owner are told; a replica that is misled hears of a new epoch', () => {
  const wrong = (view: ReachableView): ReachableView =>
    withSlots('redis-2', [{ start: 5460, end: 10922 }])(withSlots('redis-1', [{ start: 0, end: 5459 }])(view));
  expect(plan(views().map((view) => (view.name === 'redis-3' ? wrong(view) : view)))).toEqual([
    '~ settle slot 5460 on redis-1  (not what redis-3 believes)',
  ]);
  const replica = views(threePlusThree).map((view) => (view.name === 'redis-6' ? wrong(view) : view));
  expect(planRepair(threePlusThree, replica, factsOf())).toEqual([
    expect.objectContaining({ destination: 'redis-1', misled: [], needsEpoch: true }),
  ]);
});

test('primaries with the same epoch: all but one take a new one', () => {
  expect(plan(views().map(withRow('redis-2', { configEpoch: 10 })))).toEqual([
    '~ bump epoch redis-2  (redis-1 and redis-2 have the same config epoch)',
  ]);
});

describe('an owner that is gone', () => {
  const gone = { flags: new Set(['master', 'fail']), slots: [{ start: 0, end: 5460 }], connected: false };
  const orphaned = (ip: string, spec = three, row: Partial<NodeRow> = gone): ReachableView[] =>
    views(spec)
      .map(withSlots('redis-1', []))
      .map(withGhost(GHOST, { ...row, ip }));

  test('and has no replica: its slots begin empty, after a yes unless another node stands in its place', () => {
    const loss = 'it is gone, and nobody has a copy: the keys of slots 0-5460 are lost, and the slots begin empty';
    expect(plan(orphaned('172.20.0.99'))).toEqual([`! forget ffffffff on every node  (${loss})`]);
    expect(plan(orphaned('172.20.0.11'))).toEqual([`~ forget ffffffff on every node  (${loss})`]);
    // A volume of a node that isn't in the YAML file may be the lost one's.
    const facts = { ...factsOf(), hasOtherVolumes: true };
    expect(plan(orphaned('172.20.0.11'), facts)).toEqual([`! forget ffffffff on every node  (${loss})`]);
  });

  test('as far as anybody can tell, and no further: a node that answers, or may, is left alone', () => {
    const seenAs = (connected: boolean, ...flags: string[]): string[] =>
      plan(orphaned('172.20.0.99', three, { ...gone, connected, flags: new Set(['master', ...flags]) }));
    expect(seenAs(true)).toEqual([]);
    expect(seenAs(true, 'fail?')).toEqual([]);
    expect(seenAs(false, 'fail?')).toHaveLength(1);
    // Redis calls connected what it tries to connect to.
    expect(seenAs(true, 'fail')).toHaveLength(1);
  });

  test('and has replicas: the one with the longest stream takes over; without a question where it can not come back', () => {
    const spec = specOf({ replicas: 2 });
    const offsets: Readonly<Record<string, string>> = { 'redis-4': '100', 'redis-7': '200' };
    const bereft = (ip: string): ReachableView[] =>
      orphaned(ip, spec)
        .map(withRow('redis-4', { primaryId: GHOST }))
        .map(withRow('redis-7', { primaryId: GHOST }))
        .map((view) => ({ ...view, fields: new Map([['slave_repl_offset', offsets[view.name] ?? '0']]) }));
    const facts = factsOf();
    expect(plan(bereft('172.20.0.11'), facts, spec)).toEqual([
      '~ take over redis-7  (its primary ffffffff, which owns slots 0-5460, is gone; its copy has 9 keys)',
    ]);
    expect(plan(bereft('172.20.0.99'), facts, spec)).toEqual([
      '! take over redis-7  (its primary ffffffff, which owns slots 0-5460, is gone, and the last writes there may be lost; its copy has 9 keys)',
    ]);
  });

  test('and never was: a phantom of an interrupted start never had a key', () => {
    const phantom = phantomId(0);
    const held = views()
      .map(withSlots('redis-1', []))
      .map(withGhost(phantom, { ...gone, ip: '', flags: new Set(['master', 'noaddr']) }));
    expect(plan(held)).toEqual(['~ forget placeholder 1 on every node  (it only held slots 0-5460, without a key)']);
  });
});

describe('what the plan towards the YAML file mends', () => {
  test('an old address, a phantom, a ghost', () => {
    const moved = views().map((view) =>
      view.name === 'redis-1' ? withRow('redis-2', { ip: '172.20.0.99', connected: false })(view) : view,
    );
    expect(plan(moved)).toEqual(['~ meet 172.20.0.12:6380 from redis-1  (it has an old address of redis-2)']);
    expect(plan(views().map(withGhost(phantomId(1))))).toHaveLength(3);
    expect(plan(views().map(withGhost(GHOST))).at(0)).toBe(
      '~ forget ffffffff on redis-1  (it is gone, and owns nothing)',
    );
  });

  test('two nodes that forgot each other, where a third one knows both', () => {
    const without =
      (nodeId: string) =>
      (view: ReachableView): ReachableView => ({
        ...view,
        table: { ...view.table, rows: view.table.rows.filter(({ id }) => id !== nodeId) },
      });
    const [first, second, third] = views();
    if (first === undefined || second === undefined || third === undefined) throw new Error('three views');
    expect(plan([first, without(id3)(second), without(id2)(third)])).toEqual([
      "~ meet 172.20.0.13:6380 from redis-2  (it doesn't know redis-3, and redis-1 knows both)",
    ]);
  });

  test('a primary without a replica, while another has two', () => {
    const uneven = views(threePlusThree).map(withRow('redis-5', { primaryId: id1 }));
    expect(plan(uneven, factsOf(), threePlusThree)).toEqual([
      '~ replicate redis-2 on redis-5  (redis-2 has no replica, and redis-1 has 2)',
    ]);
  });
});

test('whatever is open and wherever keys are: one step a slot, nothing destructive, and every key comes to its destination', () => {
  const node = fc.constantFrom(0, 1, 2);
  const opening = fc.record({
    node,
    slot: fc.constantFrom(1, 2, 6000),
    direction: fc.constantFrom('migrating' as const, 'importing' as const),
    other: node,
  });
  const keys = fc.array(fc.record({ node, slot: fc.constantFrom(1, 2, 6000), count: fc.nat({ max: 3 }) }));
  fc.assert(
    fc.property(fc.array(opening, { minLength: 1, maxLength: 6 }), keys, (openings, held) => {
      const ids = [id1, id2, id3];
      const damaged = views().map((view, index) =>
        withOpenSlots(
          openings
            .filter((one) => one.node === index && one.other !== index)
            .map(({ slot, direction, other }) => open(slot, direction, at(ids, other))),
        )(view),
      );
      const counts: Record<string, Record<number, number>> = {};
      for (const { node: index, slot, count } of held) {
        counts[`redis-${index + 1}`] = { ...counts[`redis-${index + 1}`], [slot]: count };
      }
      const steps = planRepair(three, damaged, factsOf(counts));
      const slots = steps.flatMap((step) => (step.type === 'repair slots' ? step.slots : []));
      expect(new Set(slots).size).toBe(slots.length);
      for (const step of steps) {
        expect(step.destructive).toBe(false);
        if (step.type !== 'repair slots') throw new Error(`no ${step.type} was needed`);
        for (const slot of step.slots) {
          const holders = Object.entries(counts).filter(([, of]) => (of[slot] ?? 0) > 0);
          const others = holders.map(([name]) => name).filter((name) => name !== step.destination);
          expect(new Set(step.holders)).toEqual(new Set(others));
        }
      }
    }),
    { numRuns: 60 },
  );
});
