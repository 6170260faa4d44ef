import { describe, expect, test } from 'vitest';
import { findConflicts, type Conflict } from '../../../../src/plan/engine/conflicts.ts';
import {
  findAbsence,
  findHostWarnings,
  findMemoryConflicts,
  findOtherNetwork,
  findSwarmConflicts,
  findSwarmWarning,
} from '../../../../src/plan/engine/host-conflicts.ts';
import { planDown } from '../../../../src/plan/engine/plan-down.ts';
import { planUp } from '../../../../src/plan/engine/plan-up.ts';
import { actionText } from '../../../../src/plan/model/action.ts';
import type { Observed } from '../../../../src/plan/model/observed.ts';
import type { Swarm } from '../../../../src/plan/model/resources.ts';
import {
  ANNOUNCE_TEXT,
  HOSTS_TEXT,
  networkOf,
  NOTHING,
  observedAfterUp,
  parsed,
  strangerOf,
  wantedFor,
  withoutContainer,
} from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const spec = parsed(HOSTS_TEXT);
const wanted = wantedFor(spec);
const placed = observedAfterUp(wanted);
/** Everything where it should be, as an engine of several hosts tells it. */
const running: Observed = {
  ...placed,
  containers: placed.containers.map((one) => ({ ...one, host: hostOf(one.name) })),
  volumes: placed.volumes.map((one) => ({ ...one, host: hostOf(one.name) })),
};

function hostOf(thing: string): string {
  return spec.nodes.find(({ name }) => thing.includes(name))?.host ?? '';
}

function told(conflicts: readonly Conflict[]): string[] {
  return conflicts.map(({ code, message, hint }) => `${code} ${message} → ${hintText(hint)}`);
}

const away = new Map([['c', { message: 'it says nothing', hint: 'Start it, and look again.' }]]);

describe('a host that is away', () => {
  test('is one that a new stack does not begin without', () => {
    expect(told(findAbsence(spec, { ...NOTHING, away }))).toEqual([
      'ENGINE_UNREACHABLE the host c does not answer, and dev begins with all its hosts; nothing was changed → Start it, and look again.',
      'ENGINE_UNREACHABLE it says nothing → ',
    ]);
    expect(findAbsence(spec, { ...running, away })).toEqual([]);
  });

  test('has nodes that are not missing', () => {
    const rest = withoutContainer(running, 'dev-redis-3', 'dev-redis-5');
    expect(planUp(spec, wanted, { ...rest, away })).toEqual([]);
    expect(planUp(spec, wanted, rest).map(({ target }) => target)).toContain('dev-redis-3');
  });
});

describe('a network of each host’s own', () => {
  const announcing = parsed(ANNOUNCE_TEXT);
  const own = wantedFor(announcing);
  const network = networkOf(own);
  const networks = announcing.hosts.map(({ name }) => ({ ...network, host: name }));
  const whole: Observed = { ...running, ...observedAfterUp(own), containers: running.containers, networks };
  /** What is planned for networks, and which containers are recreated for their sake. */
  const planned = (observed: Observed): string[] => {
    const actions = planUp(announcing, own, observed);
    const ofNetworks = actions.filter(({ type }) => type.endsWith(' network')).map(actionText);
    const stopped = actions.filter(
      ({ type, cause }) => type === 'stop container' && cause === 'its network is recreated',
    );
    return [...ofNetworks, ...stopped.map(({ target }) => target)];
  };

  test('is made where it is missing, and made again where it differs', () => {
    expect(planned(whole)).toEqual([]);
    expect(planned({ ...NOTHING, away })).toEqual([
      'create network dev-services on a  (missing)',
      'create network dev-services on b  (missing)',
    ]);
    expect(planned({ ...whole, networks: networks.filter(({ host }) => host !== 'b') })).toEqual([
      'create network dev-services on b  (missing)',
      'dev-redis-2',
      'dev-redis-4',
    ]);
    const other = networks.map((one) =>
      one.host === 'c'
        ? {
            ...one,
            labels: Object.fromEntries(Object.entries(one.labels).filter(([name]) => !name.endsWith('definition'))),
          }
        : one,
    );
    expect(planned({ ...whole, networks: other })).toEqual([
      'remove network dev-services on c  (its definition changed)',
      'create network dev-services on c  (its definition changed)',
      'dev-redis-3',
      'dev-redis-5',
    ]);
  });

  test('goes with down, but for one that somebody else is on', () => {
    const guest = { ...strangerOf({ addresses: { 'dev-services': '' } }), host: 'b' };
    const present = { ...whole, containers: [...whole.containers, guest] };
    const removed = planDown('dev', present, true).filter(({ type }) => type === 'remove network');
    expect(removed.map(actionText)).toEqual([
      'remove network dev-services on a  (down)',
      'remove network dev-services on c  (down)',
    ]);
  });

  test('has addresses of its own: what a stranger has on another host is in nobody’s way', () => {
    const strangerOn = (host: string): Observed => {
      const stranger = { ...strangerOf({ addresses: { 'dev-services': '172.20.0.11' } }), host };
      return { ...whole, containers: [...whole.containers, stranger] };
    };
    expect(findConflicts('dev', own, strangerOn('b'))).toEqual([]);
    expect(told(findConflicts('dev', own, strangerOn('a')))[0]).toContain('the address 172.20.0.11, which dev-redis-1');
  });

  test('does not take the place of one that reaches all hosts, or the other way round, while nodes run', () => {
    expect(findOtherNetwork(announcing, whole)).toEqual([]);
    const overlay: Observed = { ...whole, networks: [{ ...network, isSwarmWide: true }] };
    expect(findOtherNetwork(spec, overlay)).toEqual([]);
    expect(told(findOtherNetwork(announcing, overlay))).toEqual([
      "NETWORK_IN_USE dev runs with driver: overlay, and the YAML file says announce: host: its nodes can't change to that while they run; nothing was changed → npx tsx manage.ts down   # every key stays; then: npx tsx manage.ts up",
    ]);
    expect(told(findOtherNetwork(spec, whole))[0]).toContain(
      'dev runs with announce: host, and the YAML file says driver: overlay',
    );
  });
});

const nodes = ['1', '2', '3'].map((id) => ({ id, isManager: id === '1', isAvailable: true }));
const swarms = (changes: Record<string, Partial<Swarm>> = {}): ReadonlyMap<string, Swarm> =>
  new Map(
    ['a', 'b', 'c'].map((host, index) => {
      const isManager = index === 0;
      const swarm: Swarm = { nodeId: String(index + 1), state: 'active', isManager, nodes: isManager ? nodes : [] };
      return [host, { ...swarm, ...changes[host] }];
    }),
  );

describe('hosts that can have no overlay network', () => {
  test.each<[what: string, changes: Record<string, Partial<Swarm>>, told: string[]]>([
    ['one manager and two workers can', {}, []],
    [
      'one in no swarm',
      { b: { state: 'inactive', nodeId: '' } },
      [
        'ENGINE_FAILED the host b (tcp://b.example:2376) is in no Docker Swarm; nothing was changed → docker -H ssh://me@a.example swarm join-token manager   # prints what to run on that host',
      ],
    ],
    [
      'one that is locked out, and one that comes back by itself',
      { a: { state: 'locked', nodes: [] }, b: { state: 'pending' } },
      [
        'ENGINE_FAILED the host a (ssh://me@a.example) is locked out of its Docker Swarm; nothing was changed → docker -H ssh://me@a.example swarm unlock',
        'ENGINE_FAILED the host b (tcp://b.example:2376) is just coming back to its Docker Swarm; nothing was changed → npx tsx manage.ts up',
      ],
    ],
    [
      'one in another swarm',
      { c: { nodeId: 'x' } },
      [
        'ENGINE_FAILED the host c (unix:///run/c.sock) is in another swarm than a; nothing was changed → docker -H ssh://me@a.example swarm join-token manager   # prints what to run on that host, after: docker swarm leave',
      ],
    ],
    [
      'Podman',
      { b: { state: 'unknown', nodeId: '' } },
      [
        'ENGINE_FAILED the host b (tcp://b.example:2376) has Podman, which knows no Docker Swarm; nothing was changed → Install Docker there, or name other hosts.',
      ],
    ],
    [
      'no manager',
      { a: { isManager: false, nodes: [] } },
      [
        'ENGINE_FAILED none of the hosts is a manager of the swarm: no container can start; nothing was changed → docker node promote NODE   # on a manager, for one of the hosts',
      ],
    ],
    [
      'managers without a leader',
      { a: { nodes: [] } },
      [
        'ENGINE_FAILED the managers of the swarm have no leader: most of them are away: no container can start; nothing was changed → Start the other managers, then: npx tsx manage.ts up   # nodes that run go on meanwhile',
      ],
    ],
    [
      'one that takes no containers',
      { a: { nodes: nodes.map((one) => ({ ...one, isAvailable: one.id !== '2' })) } },
      [
        'ENGINE_FAILED the host b (tcp://b.example:2376) is paused or drained in the swarm; nothing was changed → docker -H ssh://me@a.example node update --availability active 2',
      ],
    ],
  ])('%s', (_what, changes, expected) => {
    expect(told(findSwarmConflicts(spec, swarms(changes)))).toEqual(expected);
  });

  test('the only manager is away', () => {
    const rest = new Map([...swarms()].filter(([host]) => host !== 'a'));
    expect(told(findSwarmConflicts(spec, rest))).toEqual([
      'ENGINE_FAILED the host a does not answer, and none of the hosts that answer is a manager of the swarm: no container can start; nothing was changed → Start a, then: npx tsx manage.ts up   # nodes that run go on meanwhile',
    ]);
  });

  test('three or five managers are safe', () => {
    const managed = (count: number): ReadonlyMap<string, Swarm> =>
      swarms({
        a: {
          nodes: Array.from({ length: 6 }, (_, id) => ({ id: String(id), isManager: id < count, isAvailable: true })),
        },
      });
    expect([3, 5].map((count) => findSwarmWarning(managed(count)))).toEqual([undefined, undefined]);
    expect(findSwarmWarning(managed(1))).toContain('the swarm has one manager:');
    expect(findSwarmWarning(managed(4))).toContain('the swarm has 4 managers:');
  });
});

describe('what a host tells of itself', () => {
  const MIB = 1024 ** 2;
  const limited = {
    ...spec,
    redis: { ...spec.redis, memoryBytes: 512 * MIB, maxmemoryBytes: 256 * MIB },
  };
  const machine = (memoryBytes: number, clockAheadMs = 0): Swarm => ({
    nodeId: '',
    state: 'active',
    isManager: false,
    nodes: [],
    memoryBytes,
    clockAheadMs,
  });
  const big = machine(16_384 * MIB);

  test('keys of its two nodes that do not fit into its memory are refused, before it has one of them', () => {
    const machines = new Map([
      ['a', machine(500 * MIB)],
      ['b', big],
      ['c', machine(512 * MIB)],
    ]);
    expect(told(findMemoryConflicts(limited, machines, NOTHING))).toEqual([
      'ENGINE_FAILED the host a has 500 MiB of memory, and redis-1 and redis-6 may fill 512 MiB; nothing was changed → Lower redis.maxmemory and redis.memory in the YAML file, or give nodes another host.',
    ]);
    expect(findMemoryConflicts(limited, machines, running)).toEqual([]);
    // One that doesn't answer, or doesn't tell.
    expect(findMemoryConflicts(limited, new Map([['a', machine(0)]]), NOTHING)).toEqual([]);
  });

  test('limits beyond its memory, and a clock that is wrong, are warnings', () => {
    const texts = (machines: ReadonlyMap<string, Swarm>): string[] =>
      findHostWarnings(limited, machines).map(({ text }) => text);
    expect(texts(new Map([['a', big]]))).toEqual([]);
    expect(
      texts(
        new Map([
          ['a', machine(800 * MIB)],
          ['b', machine(16_384 * MIB, -63_000)],
          ['c', machine(16_384 * MIB, 4900)],
        ]),
      ),
    ).toEqual([
      'the host a has 800 MiB of memory, and its 2 containers may take 1 GiB: the kernel ends one that asks for what is not there',
      "the clock of the host b is 1m 3s behind this machine's: a certificate may not be valid there yet, or not any more, and logs of two hosts can't be compared",
    ]);
  });
});
