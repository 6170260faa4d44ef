import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { configOf, documentOf, parseOptions, PORTS_PER_NODE } from '../../../src/library/options.ts';
import type { ClusterOptions } from '../../../src/library/cluster-options.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import { checkRedisConf } from '../../../src/spec/redis-conf.ts';

const place = { prefix: '10.80.7', ports: Array.from({ length: 100 }, (_, index) => 20_000 + index) };

test.each<[ClusterOptions, number, number]>([
  [{}, 3, 0],
  [{ nodes: 5 }, 5, 0],
  [{ nodes: 3, replicas: 1 }, 6, 3],
  [{ nodes: 4, replicas: 2, tls: true, persistence: true, image: 'redis:8', nodeTimeoutMs: 1000 }, 12, 8],
])('%j make a stack file that has no problem', (options, nodeCount, replicaCount) => {
  const choice = parseOptions(options);
  const result = parseSpec(stringify(documentOf('test-1', choice, place)));
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const { spec } = result;
  expect(spec.nodes).toHaveLength(nodeCount);
  expect(spec.nodes.filter(({ initialRole }) => initialRole === 'replica')).toHaveLength(replicaCount);
  expect(new Set(spec.nodes.flatMap(({ ports }) => Object.values(ports))).size).toBe(nodeCount * PORTS_PER_NODE);
  expect(spec.tls.enabled).toBe(options.tls ?? false);
  expect(spec.redis.persistence.appendonly).toBe(options.persistence ?? false);
  expect(checkRedisConf(configOf(choice))).toEqual([]);
});

test('nothing is saved where nothing is to be kept', () => {
  expect(configOf(parseOptions({ config: 'maxclients 50' }))).toBe('save ""\nmaxclients 50\n');
  expect(configOf(parseOptions({ persistence: true }))).not.toContain('save');
});

test('options that make no cluster: all of what is wrong at once', () => {
  const wrong = {
    nodes: 2,
    replicas: 1.5,
    image: '',
    tls: 'yes',
    ports: 7000,
    timeoutMs: 0,
  } as unknown as ClusterOptions;
  expect(() => parseOptions(wrong)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      details: [
        'nodes: must be 3 or more',
        'replicas: must be a whole number',
        'image: must be the name of an image',
        'tls: must be true or false',
        'timeoutMs: must be above 0',
        'Unrecognized key: "ports"',
      ],
    }),
  );
});
