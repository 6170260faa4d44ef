import { Cluster } from 'ioredis';
import { RedisCluster } from 'redis-cluster-as-code';

async function main(): Promise<void> {
  await using cluster = await RedisCluster.start({ nodes: 3, replicas: 1 });
  const redis = new Cluster(cluster.nodes, cluster.ioredisOptions);
  await redis.set('greeting', 'hello');
  await cluster.failover('redis-4');
  console.log(await redis.get('greeting'));
  redis.disconnect();
}

void main();
