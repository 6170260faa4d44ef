import { redisClusters } from 'redis-cluster-as-code/vitest';

export default redisClusters({ nodes: 3, perWorker: true });
