export { flush, ofThisWorker, type ClusterConnection } from './library/connection.ts';
export type { ClusterOptions } from './library/cluster-options.ts';
export { RedisCluster } from './library/redis-cluster.ts';
export { StackError, type FailureCode } from './errors.ts';
