import { createCluster } from 'redis';
import { flush, ofThisWorker } from 'redis-cluster-as-code/vitest';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const cluster = ofThisWorker(inject('redisClusters'));
const redis = createCluster(cluster.nodeRedisOptions);

beforeAll(async () => {
  await redis.connect();
  await flush(cluster);
});
afterAll(() => redis.close());

test('keys of all nodes are reached', async () => {
  const keys = Array.from({ length: 50 }, (_, index) => `stock:${index}`);
  await Promise.all(keys.map((key) => redis.set(key, '1')));
  expect(await Promise.all(keys.map((key) => redis.get(key)))).toEqual(keys.map(() => '1'));
});
