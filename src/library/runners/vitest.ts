import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
import type { ClusterConnection } from '../connection.ts';
import { startClusters, stopClusters, type RunnerOptions } from './clusters.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** One, or one for each worker: `ofThisWorker(inject('redisClusters'))` is the one to use. */
    redisClusters: ClusterConnection[];
  }
}

const CLUSTERS: keyof ProvidedContext = 'redisClusters';

/** A global set-up of vitest's: `export default redisClusters({ replicas: 1 })` in a file that `globalSetup` names. */
export function redisClusters(options: RunnerOptions = {}): (project: TestProject) => Promise<() => Promise<void>> {
  return async (project) => {
    const clusters = await startClusters(options, project.vitest.config.maxWorkers);
    project.provide(
      CLUSTERS,
      clusters.map(({ connection }) => connection),
    );
    return () => stopClusters(clusters);
  };
}

/** For the tests, which import them from here for the type of `inject('redisClusters')`. */
export { flush, ofThisWorker } from '../connection.ts';

export default redisClusters();
