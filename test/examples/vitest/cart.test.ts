import { Cluster } from 'ioredis';
import { flush, ofThisWorker } from 'redis-cluster-as-code/vitest';
import { afterAll, beforeEach, expect, inject, test } from 'vitest';

const cluster = ofThisWorker(inject('redisClusters'));
const redis = new Cluster(cluster.nodes, cluster.ioredisOptions);

beforeEach(() => flush(cluster));
afterAll(() => redis.quit());

test('a cart keeps what is put into it', async () => {
  await redis.hincrby('cart:1', 'apples', 2);
  await redis.hincrby('cart:1', 'apples', 1);
  expect(await redis.hgetall('cart:1')).toEqual({ apples: '3' });
});

test('each test begins with nothing', async () => {
  expect(await redis.exists('cart:1')).toBe(0);
});
