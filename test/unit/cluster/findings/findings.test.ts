import { describe, expect, test } from 'vitest';
import { phantomId } from '../../../../src/cluster/nodes/bootstrap-table.ts';
import { findFindings } from '../../../../src/cluster/findings/findings.ts';
import type { NodeRow, OpenSlot } from '../../../../src/cluster/nodes/node-table.ts';
import type { SlotRange } from '../../../../src/cluster/slots/slots.ts';
import type { NodeView, ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { expectationOf } from '../../../../src/plan/cluster/expectation.ts';
import { at, healthyViews, specOf } from '../../../helpers/builders.ts';
import { idOf, withGhost, withOpenSlots, withRow, withSlots } from '../../../helpers/damaged-views.ts';

const three = specOf();
const threePlusThree = specOf({ replicas: 1 });

/** `kind: text → mend`, one line a finding. */
function found(views: readonly NodeView[], spec = three): string[] {
  return findFindings(expectationOf(spec), views).map(({ kind, text, mend }) => `${kind}: ${text} → ${mend}`);
}

const open = (slot: number, direction: OpenSlot['direction'], nodeId: string): OpenSlot => ({
  slot,
  direction,
  nodeId,
});

test.each([
  ['3 + 0', three],
  ['3 + 3', threePlusThree],
  ['10 + 20', specOf({ primaries: 10, replicas: 2 })],
])('a whole cluster has none: %s', (_name, spec) => {
  expect(found(healthyViews(spec), spec)).toEqual([]);
});

test('a node that does not answer is a matter of up, and so is who misses it', () => {
  const views: NodeView[] = healthyViews(three).map(
    withRow('redis-3', { flags: new Set(['master', 'fail']), connected: false }),
  );
  views[2] = { name: 'redis-3', reachable: false, reason: 'ECONNREFUSED' };
  expect(found(views)).toEqual([
    'no answer: redis-3 does not answer: ECONNREFUSED → up',
    'seen failing: redis-3 is seen as fail by redis-1 and redis-2 → up',
  ]);
});

/** What a node says in INFO, and in CONFIG GET where that leaves a doubt. */
const refusals: [name: string, info: Record<string, string>, settings: Record<string, string>, says: string[]][] = [
  [
    'a save that failed',
    { rdb_last_bgsave_status: 'err' },
    {},
    ['it could not write its dump.rdb, and refuses writes (MISCONF) → cluster fix'],
  ],
  ['writes go on without it', { rdb_last_bgsave_status: 'err' }, { 'stop-writes-on-bgsave-error': 'no' }, []],
  ['a node that saves by no plan', { rdb_last_bgsave_status: 'err' }, { save: '' }, []],
  ['a rewrite that failed', { aof_last_bgrewrite_status: 'err' }, {}, []],
  [
    'an append-only file',
    { aof_last_write_status: 'err' },
    {},
    ['it could not write its append-only file, and refuses writes (MISCONF) → up'],
  ],
  [
    'too few replicas',
    { min_slaves_good_slaves: '1' },
    { 'min-replicas-to-write': '2' },
    ['it refuses writes (NOREPLICAS): min-replicas-to-write is 2, and 1 replicas keep up with it → up'],
  ],
  ['enough replicas', { min_slaves_good_slaves: '2' }, { 'min-replicas-to-write': '2' }, []],
  [
    'full',
    { maxmemory: '999424', maxmemory_policy: 'noeviction' },
    {},
    [
      'it refuses writes (OOM): it uses 977 KiB of its maxmemory of 976 KiB, and has no key to throw out (noeviction) → up',
    ],
  ],
  [
    'full of what does not count',
    { maxmemory: '999424', maxmemory_policy: 'noeviction', mem_not_counted_for_evict: '9000' },
    {},
    [],
  ],
  ['a cache', { maxmemory: '999424', maxmemory_policy: 'allkeys-lru' }, {}, []],
  [
    'keys that expire may go',
    { maxmemory: '999424', maxmemory_policy: 'volatile-lru', db0: 'keys=9,expires=1' },
    {},
    [],
  ],
  [
    'none expires',
    { maxmemory: '999424', maxmemory_policy: 'volatile-lru', db0: 'keys=9,expires=0' },
    {},
    [
      'it refuses writes (OOM): it uses 977 KiB of its maxmemory of 976 KiB, and has no key to throw out (volatile-lru) → up',
    ],
  ],
];
test.each(refusals)('writes refused: %s', (_name, info, settings, says) => {
  const views = healthyViews(three).map((view) => ({ ...view, keyCount: 9 }));
  views[1] = { ...at(views, 1), fields: new Map(Object.entries(info)), settings: new Map(Object.entries(settings)) };
  expect(found(views)).toEqual(says.map((text) => `writes refused: redis-2: ${text}`));
});

test('a state of fail is mended with what caused it, or waited for', () => {
  const fail = (view: ReachableView): ReachableView => ({ ...view, info: { ...view.info, state: 'fail' } });
  expect(found(healthyViews(three).map(fail))).toEqual([
    'cluster state: cluster_state is fail on redis-1, redis-2 and redis-3 → cluster wait',
  ]);
  expect(
    found(
      healthyViews(three)
        .map(fail)
        .map(withSlots('redis-1', [{ start: 1, end: 5460 }])),
    ),
  ).toEqual([
    'cluster state: cluster_state is fail on redis-1, redis-2 and redis-3 → cluster fix',
    'slots without an owner: slot 0 has no owner → cluster fix',
  ]);
});

describe('slots', () => {
  const views = healthyViews(three);

  test('that nobody owns, as ranges', () => {
    const gaps: SlotRange[] = [
      { start: 0, end: 6 },
      { start: 10, end: 99 },
      { start: 101, end: 5460 },
    ];
    expect(found(views.map(withSlots('redis-1', gaps)))).toEqual([
      'slots without an owner: slots 7-9 100 have no owner → cluster fix',
    ]);
  });

  test('that their owner alone has forgotten', () => {
    const forgetful = withSlots('redis-1', [{ start: 0, end: 5459 }]);
    expect(found([forgetful(at(views, 0)), ...views.slice(1)])).toEqual([
      'slots without an owner: slot 5460 has no owner → cluster fix',
    ]);
  });

  test('about which nodes believe different things', () => {
    const misled = [
      withSlots('redis-1', [{ start: 100, end: 5460 }]),
      withSlots('redis-2', [
        { start: 0, end: 99 },
        { start: 5461, end: 10922 },
      ]),
    ];
    const third = misled.reduce((view, change) => change(view), at(views, 2));
    expect(found([...views.slice(0, 2), third])).toEqual([
      'disagreement: slots 0-99: redis-3 believes in redis-2 as the owner, and it is redis-1 → cluster fix',
    ]);
    const ignorant = withSlots('redis-1', [{ start: 0, end: 5458 }]);
    expect(found([at(views, 0), ...views.slice(1).map(ignorant)])).toEqual([
      'disagreement: slots 5459-5460: redis-2 and redis-3 believe in nobody as the owner, and it is redis-1 → cluster fix',
    ]);
  });

  test('that two nodes claim, with their epochs', () => {
    const claiming = withSlots('redis-2', [{ start: 5460, end: 10922 }]);
    const yielding = withSlots('redis-1', [{ start: 0, end: 5459 }]);
    expect(found([at(views, 0), yielding(claiming(at(views, 1))), at(views, 2)])).toEqual([
      'two owners: slot 5460: redis-1 (epoch 10) and redis-2 (epoch 11) each claim it → cluster fix',
      'disagreement: slot 5460: redis-3 believes in redis-1 as the owner, and it is redis-2 → cluster fix',
    ]);
  });

  test('that are open, each kind by its name, slots of the same together', () => {
    const [one, two] = [idOf(views, 'redis-1'), idOf(views, 'redis-2')];
    const range = [12, 13, 14];
    const opened = [
      withOpenSlots([
        ...range.map((slot) => open(slot, 'migrating', two)),
        open(20, 'migrating', two),
        open(40, 'migrating', 'f'.repeat(40)),
      ]),
      withOpenSlots([...range.map((slot) => open(slot, 'importing', one)), open(30, 'importing', one)]),
      withOpenSlots([open(20, 'importing', two)]),
    ];
    expect(found(views.map((view, index) => at(opened, index)(view)))).toEqual([
      'open slots: slots 12-14 are half moved from redis-1 to redis-2 → cluster fix',
      'open slots: slot 20 is migrating on redis-1 to redis-2 and importing on redis-3 from redis-2 → cluster fix',
      'open slots: slot 30 is importing on redis-2 from redis-1 only → cluster fix',
      'open slots: slot 40 is migrating on redis-1 to ffffffff only → cluster fix',
    ]);
  });

  test('a long list of ranges is cut in the text, and whole in the data', () => {
    const even = Array.from({ length: 2730 }, (_, index) => ({ start: index * 2, end: index * 2 }));
    const [finding] = findFindings(expectationOf(three), views.map(withSlots('redis-1', even)));
    expect(finding?.text).toBe('slots 1 3 5 7 9 11 13 15 and more (2731) have no owner');
    expect(finding?.slots).toHaveLength(2730);
  });
});

describe('nodes', () => {
  const views = healthyViews(three);
  const ghost: Partial<NodeRow> = { ip: '172.20.0.99', flags: new Set(['master', 'fail']), connected: false };

  test('that do not know each other', () => {
    const rows = (view: ReachableView): ReachableView => ({
      ...view,
      table: { ...view.table, rows: view.table.rows.filter(({ id }) => id !== idOf(views, 'redis-3')) },
    });
    expect(found([rows(at(views, 0)), at(views, 1), at(views, 2)])).toEqual([
      'disagreement: slots 10923-16383: redis-1 believes in nobody as the owner, and it is redis-3 → cluster fix',
      'strangers: redis-1 does not know redis-3 → cluster fix',
    ]);
  });

  test('that are known, or announced, under a wrong address', () => {
    const moved = withRow('redis-2', { ip: '172.20.0.99', connected: false });
    expect(found([moved(at(views, 0)), ...views.slice(1)])).toEqual([
      'wrong address: redis-1 knows redis-2 at 172.20.0.99:16379 instead of 172.20.0.12:16379 → cluster fix',
    ]);
    expect(found(views.map(withRow('redis-2', { ip: '172.20.0.99' })))).toEqual([
      'wrong address: redis-2 announces 172.20.0.99:16379 instead of 172.20.0.12:16379 → up',
    ]);
  });

  test('that have not heard of a hostname that another announces', () => {
    const named = withRow('redis-2', { hostname: 'redis-2' });
    expect(found(views.map(named))).toEqual([]);
    expect(found([at(views, 0), named(at(views, 1)), named(at(views, 2))])).toEqual([
      'wrong address: redis-1 has not heard that redis-2 announces the hostname redis-2 → cluster wait',
    ]);
    expect(found([named(at(views, 0)), at(views, 1), at(views, 2)])).toEqual([
      'wrong address: redis-1 has not heard that redis-2 announces no hostname → cluster wait',
    ]);
  });

  test('that are none of the stack: gone, with slots or without, still there, or on their way', () => {
    expect(found(views.map(withGhost('f'.repeat(40), ghost)))).toEqual([
      'ghost: ffffffff at 172.20.0.99:6379 (master,fail) is no node of this stack, is known to redis-1, redis-2 and redis-3 → cluster fix',
    ]);
    const orphaned = views.map(withSlots('redis-1', [{ start: 0, end: 99 }]));
    expect(found(orphaned.map(withGhost('f'.repeat(40), { ...ghost, slots: [{ start: 100, end: 5460 }] })))).toEqual([
      'ghost: ffffffff at 172.20.0.99:6379 (master,fail) is no node of this stack, is known to redis-1, redis-2 and redis-3 and owns slots 100-5460 → cluster fix',
    ]);
    expect(
      found(views.map(withGhost('f'.repeat(40), { ...ghost, flags: new Set(['master']), connected: true }))),
    ).toEqual([expect.stringMatching(/^ghost: ffffffff .* → up$/)]);
    expect(found(views.map(withGhost('f'.repeat(40), { ...ghost, flags: new Set(['handshake']) })))).toEqual([
      expect.stringMatching(/^ghost: ffffffff .* → cluster wait$/),
    ]);
  });

  test('phantoms that an interrupted start left', () => {
    expect(
      found([
        withGhost(phantomId(2), { ip: '', flags: new Set(['master', 'noaddr']) })(at(views, 0)),
        ...views.slice(1),
      ]),
    ).toEqual(['phantom: the phantom 00000002 of an unfinished start is still known to redis-1 → cluster fix']);
  });

  test('that are seen failing, or have a broken link', () => {
    const failing = withRow('redis-3', { flags: new Set(['master', 'fail?']) });
    expect(found([failing(at(views, 0)), ...views.slice(1)])).toEqual([
      'seen failing: redis-3 is seen as fail? by redis-1 → cluster wait',
    ]);
    const broken = withRow('redis-3', { connected: false });
    expect(found([...views.slice(0, 2).map(broken), at(views, 2)])).toEqual([
      'broken link: the bus link to redis-3 at 172.20.0.13:16379 is down from redis-1 and redis-2 → cluster wait',
    ]);
  });

  test('primaries with the same config epoch', () => {
    expect(found(views.map(withRow('redis-2', { configEpoch: 10 })))).toEqual([
      'same epoch: redis-1 and redis-2 have the same config epoch 10 → cluster fix',
    ]);
  });
});

describe('roles', () => {
  const views = healthyViews(threePlusThree);

  test('a replica without its copy', () => {
    const lost = views.map((view): ReachableView =>
      view.name === 'redis-5' ? { ...view, replicationLink: 'down' } : view,
    );
    expect(found(lost, threePlusThree)).toEqual(['no copy: redis-5 has no copy of its primary yet → cluster wait']);
  });

  test('a primary without a replica, while another has two', () => {
    const moved = views.map(withRow('redis-5', { primaryId: idOf(views, 'redis-1') }));
    expect(found(moved, threePlusThree)).toEqual([
      'too few replicas: redis-2 has no replica, and the YAML file asks for 1 → cluster fix',
    ]);
  });

  test('a primary that owns nothing instead of a replica', () => {
    const idle = views
      .map(withRow('redis-6', { role: 'primary', primaryId: undefined }))
      .map((view): ReachableView => (view.name === 'redis-6' ? { ...view, replicationLink: undefined } : view));
    expect(found(idle, threePlusThree)).toEqual([
      'too few replicas: only 2 of 3 replicas follow a primary → cluster fix',
      'too few replicas: redis-3 has no replica, and the YAML file asks for 1 → cluster fix',
    ]);
  });

  test('fewer primaries with slots than the YAML file asks for', () => {
    const two = healthyViews(three)
      .map(withSlots('redis-1', [{ start: 0, end: 10922 }]))
      .map(withSlots('redis-2', []));
    expect(found(two)).toEqual(['number of primaries: 2 primaries own slots, and the YAML file asks for 3 → up']);
  });
});
