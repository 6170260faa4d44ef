import { readFileSync } from 'node:fs';
import { Cluster } from 'ioredis';
import { answerLines, ca, nodes, password } from './lines.mjs';

const cluster = new Cluster(
  nodes.map(([host, port]) => ({ host, port })),
  {
    redisOptions: { password, ...(ca && { tls: { ca: readFileSync(ca) } }) },
    // Otherwise it tries for ever.
    clusterRetryStrategy: (attempt) => (attempt < 10 ? 100 : null),
  },
);
cluster.on('error', (error) => console.error(error));
await answerLines(cluster);
