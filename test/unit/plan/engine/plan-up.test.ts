import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionKey, planText, type Action } from '../../../../src/plan/model/action.ts';
import { LABELS } from '../../../../src/plan/model/names.ts';
import type { NodeData, Observed } from '../../../../src/plan/model/observed.ts';
import { isPartial, needsData, planUp } from '../../../../src/plan/engine/plan-up.ts';
import {
  containerOf,
  labelsOf,
  NOTHING,
  observedAfterUp,
  specOf,
  strangerOf,
  wantedFor,
  withContainer,
  withSettings,
  withoutContainer,
  withoutVolume,
} from '../../../helpers/builders.ts';

const spec = specOf();
const wanted = wantedFor(spec);
const running = observedAfterUp(wanted);

function dataOf(...states: readonly NodeData[]): ReadonlyMap<string, NodeData> {
  return new Map(states.map((state, index) => [`redis-${index + 1}`, state]));
}

function planned(observed: Observed): string {
  return planText(planUp(spec, wanted, observed));
}

describe('planUp', () => {
  test('where there is nothing, everything is made and a new cluster begins', () => {
    expect(planned({ ...NOTHING, data: dataOf('empty', 'empty', 'empty') })).toMatchInlineSnapshot(`
      "+ create network dev-services  (missing)
      + create container dev-redis-1  (missing)
      ~ configure and seed container dev-redis-1  (begins a new cluster)
      ~ start container dev-redis-1  (missing)
      + create container dev-redis-2  (missing)
      ~ configure and seed container dev-redis-2  (begins a new cluster)
      ~ start container dev-redis-2  (missing)
      + create container dev-redis-3  (missing)
      ~ configure and seed container dev-redis-3  (begins a new cluster)
      ~ start container dev-redis-3  (missing)
      "
    `);
  });

  test('a second up changes nothing', () => {
    expect(planUp(spec, wanted, running)).toEqual([]);
  });

  test('what is not ours changes nothing', () => {
    const observed = { ...running, containers: [...running.containers, strangerOf({ labels: labelsOf('other') })] };
    expect(planUp(spec, wanted, observed)).toEqual([]);
  });

  test('after a down, the volumes are used again and nothing is seeded', () => {
    expect(planned({ ...NOTHING, volumes: running.volumes })).toMatchInlineSnapshot(`
      "+ create network dev-services  (missing)
      + create container dev-redis-1  (missing)
      ~ configure container dev-redis-1  (missing)
      ~ start container dev-redis-1  (missing)
      + create container dev-redis-2  (missing)
      ~ configure container dev-redis-2  (missing)
      ~ start container dev-redis-2  (missing)
      + create container dev-redis-3  (missing)
      ~ configure container dev-redis-3  (missing)
      ~ start container dev-redis-3  (missing)
      "
    `);
  });

  test('a container that was deleted is made again', () => {
    expect(planned(withoutContainer(running, 'dev-redis-2'))).toMatchInlineSnapshot(`
      "+ create container dev-redis-2  (missing)
      ~ configure container dev-redis-2  (missing)
      ~ start container dev-redis-2  (missing)
      "
    `);
  });

  test('a container that has exited is started', () => {
    expect(planned(withContainer(running, 'dev-redis-2', { state: 'exited' }))).toMatchInlineSnapshot(`
      "~ configure container dev-redis-2  (it is exited)
      ~ start container dev-redis-2  (it is exited)
      "
    `);
  });

  test('a container that ends again and again is stopped first: nobody waits for the engine to start it once more', () => {
    expect(planned(withContainer(running, 'dev-redis-2', { state: 'restarting' }))).toMatchInlineSnapshot(`
      "~ stop container dev-redis-2  (it ends again and again)
      ~ configure container dev-redis-2  (it is restarting)
      ~ start container dev-redis-2  (it is restarting)
      "
    `);
  });

  test('a container that is paused is unpaused', () => {
    expect(planned(withContainer(running, 'dev-redis-2', { state: 'paused' }))).toMatchInlineSnapshot(`
      "~ unpause container dev-redis-2  (it is paused)
      "
    `);
  });

  test('a dead container is replaced', () => {
    expect(planned(withContainer(running, 'dev-redis-2', { state: 'dead' }))).toMatchInlineSnapshot(`
      "~ stop container dev-redis-2  (it is dead)
      - remove container dev-redis-2  (recreated)
      + create container dev-redis-2  (recreated)
      ~ configure container dev-redis-2  (recreated)
      ~ start container dev-redis-2  (recreated)
      "
    `);
  });

  test('a changed definition replaces its container alone', () => {
    const changed = withSettings(running, 'dev-redis-3', { command: ['redis-server'] });
    expect(planned(changed)).toMatchInlineSnapshot(`
      "~ stop container dev-redis-3  (its command differs)
      - remove container dev-redis-3  (recreated)
      + create container dev-redis-3  (recreated)
      ~ configure container dev-redis-3  (recreated)
      ~ start container dev-redis-3  (recreated)
      "
    `);
  });

  test('a changed image replaces every container, and keeps every volume', () => {
    expect(planText(planUp(spec, wantedFor(spec, { imageId: 'sha256:two' }), running))).toMatchInlineSnapshot(`
      "~ stop container dev-redis-1  (its image changed)
      - remove container dev-redis-1  (recreated)
      + create container dev-redis-1  (recreated)
      ~ configure container dev-redis-1  (recreated)
      ~ start container dev-redis-1  (recreated)
      ~ stop container dev-redis-2  (its image changed)
      - remove container dev-redis-2  (recreated)
      + create container dev-redis-2  (recreated)
      ~ configure container dev-redis-2  (recreated)
      ~ start container dev-redis-2  (recreated)
      ~ stop container dev-redis-3  (its image changed)
      - remove container dev-redis-3  (recreated)
      + create container dev-redis-3  (recreated)
      ~ configure container dev-redis-3  (recreated)
      ~ start container dev-redis-3  (recreated)
      "
    `);
  });

  test('a changed network replaces the network and everything on it', () => {
    const changed = specOf({ network: { gateway: '172.20.0.254' } });
    expect(planText(planUp(changed, wantedFor(changed), running))).toMatchInlineSnapshot(`
      "- remove network dev-services  (its definition changed)
      + create network dev-services  (its definition changed)
      ~ stop container dev-redis-1  (its network is recreated)
      - remove container dev-redis-1  (recreated)
      + create container dev-redis-1  (recreated)
      ~ configure container dev-redis-1  (recreated)
      ~ start container dev-redis-1  (recreated)
      ~ stop container dev-redis-2  (its network is recreated)
      - remove container dev-redis-2  (recreated)
      + create container dev-redis-2  (recreated)
      ~ configure container dev-redis-2  (recreated)
      ~ start container dev-redis-2  (recreated)
      ~ stop container dev-redis-3  (its network is recreated)
      - remove container dev-redis-3  (recreated)
      + create container dev-redis-3  (recreated)
      ~ configure container dev-redis-3  (recreated)
      ~ start container dev-redis-3  (recreated)
      "
    `);
  });

  test('a node without data does not start while others copy whoever is at its address', () => {
    const lost = withoutVolume(withoutContainer(running, 'dev-redis-2'), 'dev-redis-2-data');
    const observed = { ...lost, data: dataOf('formed', 'empty', 'formed') };
    expect(planned(observed)).toContain('start container dev-redis-2');
    const copied = { ...observed, copies: new Map([['redis-2', ['redis-3']]]) };
    expect(planned(copied)).toBe('');
    expect(isPartial(copied)).toBe(true);
  });

  test('a node that left the YAML file goes when it has left the cluster, and has to run for that', () => {
    const former = (state: 'running' | 'exited'): Observed => {
      const labels = { ...labelsOf('dev'), [LABELS.node]: 'redis-9' };
      const container = strangerOf({ name: 'dev-redis-9', state, labels });
      return { ...running, containers: [...running.containers, container], members: ['dev-redis-9'] };
    };
    expect(planned(former('running'))).toBe('');
    expect(planned(former('exited'))).toBe(
      '~ start container dev-redis-9  (its slots have to go to other nodes first)\n',
    );
    expect(planned({ ...former('running'), members: [] })).toContain('- remove container dev-redis-9');
  });

  test('a network that somebody removed is made again, and the containers that were on it', () => {
    const observed = withContainer({ ...running, networks: [] }, 'dev-redis-1', { state: 'exited' });
    expect(planned(observed)).toMatchInlineSnapshot(`
      "+ create network dev-services  (missing)
      ~ stop container dev-redis-1  (its network is recreated)
      - remove container dev-redis-1  (recreated)
      + create container dev-redis-1  (recreated)
      ~ configure container dev-redis-1  (recreated)
      ~ start container dev-redis-1  (recreated)
      ~ stop container dev-redis-2  (its network is recreated)
      - remove container dev-redis-2  (recreated)
      + create container dev-redis-2  (recreated)
      ~ configure container dev-redis-2  (recreated)
      ~ start container dev-redis-2  (recreated)
      ~ stop container dev-redis-3  (its network is recreated)
      - remove container dev-redis-3  (recreated)
      + create container dev-redis-3  (recreated)
      ~ configure container dev-redis-3  (recreated)
      ~ start container dev-redis-3  (recreated)
      "
    `);
  });

  test('a container whose node is not in the YAML file any more goes, its volume stays', () => {
    const leftover = strangerOf({
      name: 'dev-redis-9',
      labels: { ...labelsOf('dev'), [LABELS.node]: 'redis-9' },
      volumes: ['dev-redis-9-data'],
    });
    expect(planned({ ...running, containers: [...running.containers, leftover] })).toMatchInlineSnapshot(`
      "~ stop container dev-redis-9  (not in the YAML file any more)
      - remove container dev-redis-9  (not in the YAML file any more)
      "
    `);
  });

  test('containers that were made but never started are configured and seeded', () => {
    const containers = running.containers.map((one) => ({ ...one, state: 'created' as const }));
    expect(planned({ ...running, containers, data: dataOf('empty', 'empty', 'empty') })).toMatchInlineSnapshot(`
      "~ configure and seed container dev-redis-1  (begins a new cluster)
      ~ start container dev-redis-1  (made, but never started)
      ~ configure and seed container dev-redis-2  (begins a new cluster)
      ~ start container dev-redis-2  (made, but never started)
      ~ configure and seed container dev-redis-3  (begins a new cluster)
      ~ start container dev-redis-3  (made, but never started)
      "
    `);
  });

  test('a bootstrap that was killed goes on: only nodes that are not in it yet are seeded', () => {
    const killed = withoutVolume(withoutContainer(running, 'dev-redis-3'), 'dev-redis-3-data');
    const observed = { ...killed, data: dataOf('bootstrapping', 'bootstrapping', 'empty') };
    expect(planned(observed)).toMatchInlineSnapshot(`
      "+ create container dev-redis-3  (missing)
      ~ configure and seed container dev-redis-3  (begins a new cluster)
      ~ start container dev-redis-3  (missing)
      "
    `);
  });

  test('what was seeded but never started is not seeded again', () => {
    const observed = withContainer(running, 'dev-redis-1', { state: 'created' });
    expect(planned({ ...observed, data: dataOf('bootstrapping', 'bootstrapping', 'bootstrapping') }))
      .toMatchInlineSnapshot(`
      "~ configure container dev-redis-1  (made, but never started)
      ~ start container dev-redis-1  (made, but never started)
      "
    `);
  });

  test('nodes that were prepared for another cluster, and hold no data, are recreated', () => {
    const observed = withoutVolume(withoutContainer(running, 'dev-redis-3'), 'dev-redis-3-data');
    expect(planned({ ...observed, data: dataOf('foreign bootstrap', 'foreign bootstrap', 'empty') }))
      .toMatchInlineSnapshot(`
        "~ stop container dev-redis-1  (it was prepared for another cluster, and holds no data)
        - remove container dev-redis-1  (recreated)
        + create container dev-redis-1  (recreated)
        ~ configure and seed container dev-redis-1  (begins a new cluster)
        ~ start container dev-redis-1  (recreated)
        ~ stop container dev-redis-2  (it was prepared for another cluster, and holds no data)
        - remove container dev-redis-2  (recreated)
        + create container dev-redis-2  (recreated)
        ~ configure and seed container dev-redis-2  (begins a new cluster)
        ~ start container dev-redis-2  (recreated)
        + create container dev-redis-3  (missing)
        ~ configure and seed container dev-redis-3  (begins a new cluster)
        ~ start container dev-redis-3  (missing)
        "
      `);
  });

  test('a node without a volume comes into a cluster with data: it is not seeded', () => {
    const observed = withoutVolume(withoutContainer(running, 'dev-redis-3'), 'dev-redis-3-data');
    expect(planned({ ...observed, data: dataOf('formed', 'formed', 'empty') })).toMatchInlineSnapshot(`
      "+ create container dev-redis-3  (missing)
      ~ configure container dev-redis-3  (missing)
      ~ start container dev-redis-3  (missing)
      "
    `);
  });
});

describe('needsData', () => {
  test.each([
    ['everything runs', running, false],
    ['all volumes are there, the containers gone', { ...NOTHING, volumes: running.volumes }, false],
    ['there is nothing', NOTHING, true],
    ['a volume is gone', withoutVolume(running, 'dev-redis-1-data'), true],
    ['a container was never started', withContainer(running, 'dev-redis-1', { state: 'created' }), true],
    ['a container has exited', withContainer(running, 'dev-redis-1', { state: 'exited' }), false],
  ])('%s: %j', (_name, observed, expected) => {
    expect(needsData(spec, wanted, observed)).toBe(expected);
  });
});

describe('no plan', () => {
  const state = fc.constantFrom(
    ...(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const),
  );
  const nodeData = fc.constantFrom<NodeData>('empty', 'bootstrapping', 'foreign bootstrap', 'formed');
  const oneNode = fc.record({
    state: fc.option(state, { nil: undefined }),
    imageId: fc.constantFrom('sha256:one', 'sha256:two'),
    definition: fc.constantFrom('same', 'changed'),
    hasVolume: fc.boolean(),
    data: nodeData,
  });
  /** Any state of the engine, with a leftover of another node. */
  const anyWorld = fc
    .record({
      nodes: fc.array(oneNode, { minLength: 3, maxLength: 3 }),
      network: fc.constantFrom('same', 'changed', 'missing'),
      leftover: fc.option(state, { nil: undefined }),
      hasData: fc.boolean(),
    })
    .map(({ nodes, network, leftover, hasData }): Observed => {
      const definitions = [...wanted.containers.values()];
      const containers = definitions.flatMap((definition, index) => {
        const node = nodes[index];
        if (node?.state === undefined) return [];
        const labels = { ...definition.labels, ...(node.definition === 'same' ? {} : { [LABELS.image]: 'old' }) };
        return [containerOf(definition, { state: node.state, imageId: node.imageId, labels })];
      });
      const others =
        leftover === undefined
          ? []
          : [
              strangerOf({
                name: 'dev-redis-9',
                state: leftover,
                labels: { ...labelsOf('dev'), [LABELS.node]: 'redis-9' },
              }),
            ];
      return {
        away: new Map(),
        networks: running.networks
          .filter(() => network !== 'missing')
          .map((one) => (network === 'same' ? one : { ...one, labels: { ...one.labels, [LABELS.definition]: 'old' } })),
        containers: [...containers, ...others],
        unread: new Set(),
        formats: new Map(),
        volumes: running.volumes.filter((_, index) => nodes[index]?.hasVolume ?? false),
        settings: running.settings,
        config: running.config,
        members: [],
        copies: new Map(),
        halfMadeVolumes: new Set(),
        entrances: [],
        data: hasData ? dataOf(...nodes.map(({ data }) => data)) : new Map(),
      };
    });

  function positions(order: readonly Action[]): Map<string, number> {
    return new Map(order.map((action, index) => [actionKey(action), index]));
  }

  /** The order in which the actions can be done; throws where they wait for each other. */
  function workableOrder(actions: readonly Action[]): Action[] {
    const order: Action[] = [];
    let waiting = [...actions];
    while (waiting.length > 0) {
      const done = positions(order);
      const ready = waiting.filter(({ after }) => after.every((key) => done.has(key)));
      if (ready.length === 0) throw new Error(`they wait for each other: ${planText(waiting)}`);
      order.push(...ready);
      waiting = waiting.filter((action) => !ready.includes(action));
    }
    return order;
  }

  /** Everything that is before `key`, directly or not. */
  function before(actions: readonly Action[], key: string): Set<string> {
    const found = new Set<string>();
    const visit = (next: string): void => {
      for (const earlier of actions.find((action) => actionKey(action) === next)?.after ?? []) {
        if (found.has(earlier)) continue;
        found.add(earlier);
        visit(earlier);
      }
    };
    visit(key);
    return found;
  }

  test('waits in a circle, waits for what it does not hold, or does a thing twice', () => {
    fc.assert(
      fc.property(anyWorld, (observed) => {
        const actions = planUp(spec, wanted, observed);
        const keys = actions.map(actionKey);
        expect(new Set(keys).size).toBe(keys.length);
        expect(actions.flatMap(({ after }) => after).filter((key) => !keys.includes(key))).toEqual([]);
        expect(workableOrder(actions)).toHaveLength(actions.length);
      }),
      { numRuns: 300 },
    );
  });

  test('starts a container before its network and its files are there, or removes a network that is in use', () => {
    fc.assert(
      fc.property(anyWorld, (observed) => {
        const actions = planUp(spec, wanted, observed);
        const keys = actions.map(actionKey);
        for (const { type, target } of actions) {
          const earlier = before(actions, `${type} ${target}`);
          const expectBefore = (...wished: string[]): void => {
            expect(wished.filter((key) => keys.includes(key) && !earlier.has(key))).toEqual([]);
          };
          if (type === 'start container') {
            expectBefore('create network dev-services', `create container ${target}`);
            expectBefore(`configure container ${target}`, `configure and seed container ${target}`);
          }
          if (type === 'create container') expectBefore(`remove container ${target}`, 'remove network dev-services');
          if (type === 'remove container') expectBefore(`stop container ${target}`);
          if (type === 'create network') expectBefore('remove network dev-services');
          if (type === 'remove network') expectBefore(...keys.filter((key) => key.startsWith('remove container')));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('deletes data, or seeds a node while another holds data', () => {
    fc.assert(
      fc.property(anyWorld, (observed) => {
        const actions = planUp(spec, wanted, observed);
        expect(actions.filter(({ type, destructive }) => destructive || type === 'remove volume')).toEqual([]);
        const isSeeding = actions.some(({ type }) => type === 'configure and seed container');
        expect(isSeeding && (observed.data.size === 0 || [...observed.data.values()].includes('formed'))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a volume that nobody can look into', () => {
  const volumes = running.volumes.slice(0, 2);

  test('beside a node that is new: only its container is made, to see how the new node begins', () => {
    const observed = { ...NOTHING, volumes, data: dataOf('unseen', 'unseen', 'empty') };
    expect(isPartial(observed)).toBe(true);
    expect(planned(observed)).toMatchInlineSnapshot(`
      "+ create network dev-services  (missing)
      + create container dev-redis-1  (to see what its volume holds)
      + create container dev-redis-2  (to see what its volume holds)
      "
    `);
  });

  test('the next round knows: an unfinished bootstrap is gone on with', () => {
    const containers = running.containers.slice(0, 2).map((one) => ({ ...one, state: 'created' as const }));
    const observed = { ...running, containers, volumes, data: dataOf('bootstrapping', 'bootstrapping', 'empty') };
    expect(isPartial(observed)).toBe(false);
    expect(planned(observed)).toContain('configure and seed container dev-redis-3  (begins a new cluster)');
    expect(planned(observed)).toContain('configure container dev-redis-1  (made, but never started)');
  });

  test('beside a node with data it is simply used again', () => {
    const observed = { ...NOTHING, volumes, data: dataOf('unseen', 'formed', 'empty') };
    expect(isPartial(observed)).toBe(false);
    expect(planned(observed)).not.toContain('seed');
  });
});

describe('what has to be given back before it can be taken', () => {
  test('a container starts only when every container that goes is gone: they may have its port or address', () => {
    const containers = running.containers.map((one, index) =>
      index === 1 ? { ...one, labels: { ...one.labels, [LABELS.node]: 'redis-9' } } : one,
    );
    const renamed = { ...running, containers: containers.slice(1) };
    const starts = planUp(spec, wanted, renamed).filter(({ type }) => type === 'start container');
    expect(starts).not.toHaveLength(0);
    for (const { after } of starts) expect(after).toContain('remove container dev-redis-2');
  });

  test('the network of a former name goes before the new one comes', () => {
    const networks = running.networks.map((one) => ({ ...one, name: 'former' }));
    const actions = planUp(spec, wanted, { ...running, networks });
    expect(planText(actions)).toContain('- remove network former  (not in the YAML file any more)');
    expect(actions.find(({ type }) => type === 'create network')?.after).toContain('remove network former');
  });
});
