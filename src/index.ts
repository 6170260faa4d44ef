export { RedisCluster, type ClusterConnection } from './library/redis-cluster.ts';
export type { ClusterOptions } from './library/options.ts';
export { StackError, type FailureCode } from './errors.ts';
