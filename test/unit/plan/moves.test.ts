/** Nodes whose host changes in the YAML file, in a world of engines and a cluster in which runs are killed after any action. */
import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.ts';
import type { Spec } from '../../../src/spec/spec.ts';
import { HOSTS_TEXT } from '../../helpers/builders.ts';
import { SimulatedHosts } from '../../helpers/simulated-hosts.ts';

/** The good file with nodes on other hosts: `{ 'redis-6': 'b' }`. */
function specWith(places: Readonly<Record<string, string>>, text = HOSTS_TEXT): Spec {
  const edited = Object.entries(places).reduce(
    (yaml, [node, host]) => yaml.replace(new RegExp(`(${node}: \\{ host: )\\w`), `$1${host}`),
    text,
  );
  const result = parseSpec(edited);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

/** Four primaries on three hosts. */
const BARE_TEXT = HOSTS_TEXT.replace('replicas: 1', 'replicas: 0').replace(/    redis-5[^]*(?=secrets:)/, '');

interface Story {
  readonly before: Spec;
  readonly after: Spec;
  readonly nodes: Readonly<Record<string, string>>;
}

function story(nodes: Readonly<Record<string, string>>, text = HOSTS_TEXT): Story {
  return { before: specWith({}, text), after: specWith(nodes, text), nodes };
}

const STORIES: readonly [what: string, story: Story][] = [
  ['a replica', story({ 'redis-6': 'b' })],
  ['a primary', story({ 'redis-1': 'c', 'redis-3': 'a', 'redis-6': 'b' })],
  ['a primary and its replica', story({ 'redis-2': 'a', 'redis-1': 'b', 'redis-4': 'a' })],
  ['all of a host', story({ 'redis-3': 'a', 'redis-5': 'a', 'redis-6': 'b' })],
  ['a primary without a replica', story({ 'redis-2': 'c' }, BARE_TEXT)],
  ['two primaries without replicas, which change places', story({ 'redis-1': 'b', 'redis-2': 'a' }, BARE_TEXT)],
];

/** Every node alone where the file has it. */
function expectDone(world: SimulatedHosts, spec: Spec): void {
  const wanted = spec.nodes.map(({ name, host = '' }) => `${name} on ${host}, volume on ${host}`);
  expect(world.places()).toEqual(wanted);
  expect(world.unserved()).toBe(0);
  expect(world.up()).toBe(0);
}

describe.each(STORIES)('%s', (_what, { before, after }) => {
  /** After how many actions a run is killed: any of a short one, some of a long one. */
  const points = (most: number): number[] => {
    const world = new SimulatedHosts(before);
    world.edit(after);
    const count = world.up() ?? 0;
    const step = Math.ceil(count / most);
    expect(count).toBeGreaterThan(5);
    return Array.from({ length: Math.floor(count / step) }, (_, index) => index * step);
  };

  test('moves without a slot that nobody serves', () => {
    const world = new SimulatedHosts(before);
    expect(world.up()).toBe(0);
    world.edit(after);
    world.up(Number.POSITIVE_INFINITY, () => expect(world.unserved()).toBe(0));
    expectDone(world, after);
  });

  test('killed after any action, the next run ends it', () => {
    for (const last of points(12)) {
      const world = new SimulatedHosts(before);
      world.edit(after);
      expect(world.up(last)).toBeUndefined();
      world.up(Number.POSITIVE_INFINITY, () => expect(world.unserved()).toBe(0));
      expectDone(world, after);
    }
  });

  test('killed after any action, then taken down, then edited back, and killed again: no write is lost', () => {
    for (const last of points(4)) {
      const world = new SimulatedHosts(before);
      world.edit(after);
      world.up(last);
      world.removeContainers();
      world.edit(before);
      world.up((last * 7) % 23);
      world.removeContainers();
      world.edit(after);
      world.up();
      expect(world.up()).toBe(0);
      expectDone(world, after);
    }
  });
});

describe('a host that is away', () => {
  test('keeps its nodes: none is made elsewhere, and the others stay where they are', () => {
    for (const last of [0, 3, 8, 9, 12]) {
      const { before, after } = story({ 'redis-6': 'b' });
      const world = new SimulatedHosts(before);
      world.edit(after);
      world.up(last);
      const places = world.places();
      world.away.add('a');
      world.up();
      expect(world.places()).toEqual(places);
      world.away.delete('a');
      world.up();
      expectDone(world, after);
    }
  });

  test('as does one to which a node is to move', () => {
    const { before, after } = story({ 'redis-6': 'b' });
    const world = new SimulatedHosts(before);
    world.away.add('b');
    world.edit(after);
    expect(world.up()).toBe(0);
    expect(world.places().at(-1)).toBe('redis-6 on a, volume on a');
  });
});
