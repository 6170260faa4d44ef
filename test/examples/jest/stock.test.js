const { Cluster } = require('ioredis');
const { flush, ofThisWorker } = require('redis-cluster-as-code');

const cluster = ofThisWorker();
const redis = new Cluster(cluster.nodes, cluster.ioredisOptions);

beforeAll(() => flush(cluster));
afterAll(() => redis.quit());

test('what is written is read', async () => {
  await redis.set('stock:1', 'apples');
  expect(await redis.get('stock:1')).toBe('apples');
});
