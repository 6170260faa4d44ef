/** What is seen of a node on several hosts, and what it means. */
import { describe, expect, test } from 'vitest';
import {
  findElsewhere,
  findMoves,
  findTwins,
  findUnknown,
  heldMovesText,
  planLeftVolumes,
  settle,
} from '../../../../src/plan/engine/places.ts';
import { planText } from '../../../../src/plan/model/action.ts';
import { LABELS } from '../../../../src/plan/model/names.ts';
import type { Observed } from '../../../../src/plan/model/observed.ts';
import type { Volume } from '../../../../src/plan/model/resources.ts';
import { parseSpec } from '../../../../src/spec/parse.ts';
import type { Spec } from '../../../../src/spec/spec.ts';
import {
  at,
  healthyViews,
  HOSTS_TEXT,
  observedAfterUp,
  specOf,
  wantedFor,
  withoutContainer,
} from '../../../helpers/builders.ts';

function specOnHosts(text = HOSTS_TEXT): Spec {
  const result = parseSpec(text);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

const former = specOnHosts();
/** The YAML file has redis-6 on b by now. */
const spec = specOnHosts(HOSTS_TEXT.replace('redis-6: { host: a', 'redis-6: { host: b'));
const wanted = wantedFor(spec);
const views = healthyViews(spec);
const after = observedAfterUp(wantedFor(former));
const hostOf = (name: string): string => former.nodes.find((node) => name.includes(node.name))?.host ?? '';
const placed = <T extends { readonly name: string }>(things: readonly T[]): (T & { host: string })[] =>
  things.map((one) => ({ ...one, host: hostOf(one.name) }));
/** As the engines show it before `up`. */
const running: Observed = { ...after, containers: placed(after.containers), volumes: placed(after.volumes) };
const without = withoutContainer(running, 'dev-redis-6');
const own = at(running.volumes, 5);
const volume = (host: string, generation: number): Volume => ({
  ...own,
  host,
  labels: { ...own.labels, ...(generation > 0 && { [LABELS.generation]: String(generation) }) },
});
const withVolumes = (engine: Observed, ...volumes: readonly Volume[]): Observed => ({
  ...engine,
  volumes: [...running.volumes.slice(0, 5), ...volumes],
});
const placeIn = (engine: Observed, seen = views): string | undefined =>
  settle({ spec, wanted }, { engine, views: seen }).spec.nodes.at(-1)?.host;
const others = views.filter(({ name }) => name !== 'redis-6');

describe('a node whose host was changed in the YAML file', () => {
  test('is planned where it is, with all that this says of its definition', () => {
    const settled = settle({ spec, wanted }, { engine: running, views });
    expect(findMoves(spec, settled.spec)).toEqual([{ node: 'redis-6', from: 'a', to: 'b' }]);
    expect(settled.wanted).toEqual(wantedFor(former));
    expect(settle({ spec: former, wanted: wantedFor(former) }, { engine: running, views }).spec).toEqual(former);
  });

  test.each<[where: string, engine: Observed, seen: typeof views, place: string]>([
    ['where its container is', running, others, 'a'],
    ['with its volume, where nobody answers', without, [], 'a'],
    ['on its new host, once the others do without it', without, others, 'b'],
    ['with the younger of two volumes', withVolumes(without, volume('a', 2), volume('b', 1)), others, 'a'],
    [
      'with the younger of two volumes, the other way round',
      withVolumes(without, volume('a', 1), volume('b', 2)),
      [],
      'b',
    ],
    ['on its new host, where nothing is left', withVolumes(without), others, 'b'],
  ])('%s', (_where, engine, seen, place) => {
    expect(placeIn(engine, seen)).toBe(place);
  });

  test('goes back where the others miss its slots', () => {
    const [first] = spec.nodes;
    const moved = { ...spec, nodes: spec.nodes.map((node) => (node === first ? { ...node, host: 'b' } : node)) };
    const engine = withoutContainer(running, 'dev-redis-1');
    const seen = views.filter(({ name }) => name !== 'redis-1');
    expect(settle({ spec: moved, wanted }, { engine, views: seen }).spec.nodes[0]?.host).toBe('a');
  });

  test('gets a volume that is known to be the younger one', () => {
    const definition = settle({ spec, wanted }, { engine: without, views: others }).wanted.containers.get('redis-6');
    expect(definition?.host).toBe('b');
    expect(definition?.volume.labels[LABELS.generation]).toBe('1');
  });
});

test('what a node has left is removed where it is the older one, and nothing else', () => {
  const text = (engine: Observed): string => planText(planLeftVolumes(spec, engine));
  expect(text(withVolumes(running, volume('a', 0), volume('b', 1)))).toBe(
    '- remove volume dev-redis-6-data on a  (redis-6 has all its data on b)\n',
  );
  expect(text(withVolumes(running, volume('a', 1), volume('b', 1)))).toBe('');
  expect(text(withVolumes(running, volume('a', 0)))).toBe('');
});

test('two of the same age, or two containers, are for a person to tell apart', () => {
  expect(findTwins(spec, withVolumes(without, volume('a', 0), volume('b', 1)))).toEqual([]);
  const told = (engine: Observed): string[] => findTwins(spec, engine).map(({ message }) => message);
  expect(told(withVolumes(without, volume('a', 1), volume('b', 1)))).toEqual([
    'the volume dev-redis-6-data is on the hosts a and b, and nothing says which of them has the data of redis-6; nothing was changed',
  ]);
  const twin = { ...at(running.containers, 5), host: 'b' };
  expect(told({ ...running, containers: [...running.containers, twin] })).toEqual([
    'the container dev-redis-6 is on the hosts a and b, and nothing says which of them has the data of redis-6; nothing was changed',
  ]);
});

const ABSENCE = { message: 'it does not answer', hint: undefined };

test('while a host is away, what is not seen is not missing, and moves wait', () => {
  const away = new Map([['a', ABSENCE]]);
  const rest = withoutContainer({ ...running, away }, 'dev-redis-1', 'dev-redis-6');
  const seen = { ...rest, volumes: running.volumes.filter(({ host }) => host !== 'a') };
  expect(findUnknown(spec, seen)).toEqual(['redis-1', 'redis-6']);
  expect(heldMovesText(spec, seen)).toBe("; before that, redis-6 can't move to b");
  expect(findUnknown(spec, running)).toEqual([]);
  expect(heldMovesText(former, { ...running, away: new Map([['c', ABSENCE]]) })).toBe('');
});

test('a node that answers the others and is on no host is not made a second time', () => {
  const engine = withVolumes(without);
  expect(findElsewhere(spec, { engine, views: others }).map(({ name }) => name)).toEqual(['redis-6']);
  expect(findElsewhere(spec, { engine: running, views })).toEqual([]);
  expect(findElsewhere(specOf(), { engine, views: others })).toEqual([]);
});
