import type { ClusterOptions } from '../cluster-options.ts';
import { RedisCluster } from '../redis-cluster.ts';

export interface RunnerOptions extends ClusterOptions {
  /** A cluster for each worker instead of one for all. Default: false. */
  readonly perWorker?: boolean | undefined;
}

/** All of them, or none. */
export async function startClusters(
  { perWorker = false, ...options }: RunnerOptions,
  workerCount: number,
): Promise<RedisCluster[]> {
  const count = perWorker ? Math.max(workerCount, 1) : 1;
  const results = await Promise.allSettled(Array.from({ length: count }, () => RedisCluster.start(options)));
  const clusters = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return clusters;
  await stopClusters(clusters);
  throw failed.reason;
}

export async function stopClusters(clusters: readonly RedisCluster[]): Promise<void> {
  await Promise.all(clusters.map((cluster) => cluster.stop()));
}
