import { describe, expect, test } from 'vitest';
import type { Conflict } from '../../../../src/plan/engine/conflicts.ts';
import {
  findAbsence,
  findAstray,
  findSwarmConflicts,
  findSwarmWarning,
} from '../../../../src/plan/engine/host-conflicts.ts';
import { planUp } from '../../../../src/plan/engine/plan-up.ts';
import type { Observed } from '../../../../src/plan/model/observed.ts';
import type { Swarm } from '../../../../src/plan/model/resources.ts';
import { parseSpec } from '../../../../src/spec/parse.ts';
import type { Spec } from '../../../../src/spec/spec.ts';
import { HOSTS_TEXT, NOTHING, observedAfterUp, wantedFor, withoutContainer } from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

function specOnHosts(): Spec {
  const result = parseSpec(HOSTS_TEXT);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

const spec = specOnHosts();
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

describe('a node that has something on another host than its own', () => {
  test('is not begun anew without its data', () => {
    expect(findAstray('dev', wanted, running)).toEqual([]);
    const [first, ...others] = running.volumes;
    const volumes = first === undefined ? [] : [{ ...first, host: 'c' }, ...others];
    expect(told(findAstray('dev', wanted, { ...running, volumes }))).toEqual([
      "DATA_AT_RISK the volume dev-redis-1-data is on the host c, and the YAML file has redis-1 on a: a node can't move with its data yet → Set redis.nodes.redis-1.host: c in the YAML file, then: npx tsx manage.ts up",
    ]);
  });
});

describe('a host that is away', () => {
  const away = new Set(['c']);

  test('is one that a new stack does not begin without', () => {
    expect(told(findAbsence(spec, { ...NOTHING, away }))).toEqual([
      'ENGINE_UNREACHABLE the host c does not answer, and dev begins with all its hosts; nothing was changed → Start it, then: npx tsx manage.ts up',
    ]);
    expect(findAbsence(spec, { ...running, away })).toEqual([]);
  });

  test('has nodes that are not missing', () => {
    const rest = withoutContainer(running, 'dev-redis-3', 'dev-redis-5');
    expect(planUp(spec, wanted, { ...rest, away })).toEqual([]);
    expect(planUp(spec, wanted, rest).map(({ target }) => target)).toContain('dev-redis-3');
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
      'no manager',
      { a: { isManager: false, nodes: [] } },
      [
        'ENGINE_FAILED none of the hosts that answer is a manager of the swarm; nothing was changed → docker node promote NODE   # on a manager, for one of the hosts',
      ],
    ],
    [
      'managers without a leader',
      { a: { nodes: [] } },
      [
        'ENGINE_FAILED the managers of the swarm have no leader: most of them are away; nothing was changed → Start the others. Nodes that run go on meanwhile.',
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
