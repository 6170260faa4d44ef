import { CLUSTERS_VARIABLE } from '../connection.ts';
import type { RedisCluster } from '../redis-cluster.ts';
import { startClusters, stopClusters, type RunnerOptions } from './clusters.ts';

/** Set-up and teardown are files of their own, in one process. */
const KEPT = Symbol.for('redis-cluster-as-code.jest');
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else knows this symbol
const kept = globalThis as { [KEPT]?: readonly RedisCluster[] };

/** A global set-up of jest's: `module.exports = redisClusters({ replicas: 1 })` in a file that `globalSetup` names. */
export function redisClusters(options: RunnerOptions = {}): (config: { readonly maxWorkers: number }) => Promise<void> {
  return async ({ maxWorkers }) => {
    const clusters = await startClusters(options, maxWorkers);
    kept[KEPT] = clusters;
    process.env[CLUSTERS_VARIABLE] = JSON.stringify(clusters.map(({ connection }) => connection));
  };
}

/** For `globalTeardown`. */
export async function stopRedisClusters(): Promise<void> {
  await stopClusters(kept[KEPT] ?? []);
}

export default redisClusters();
