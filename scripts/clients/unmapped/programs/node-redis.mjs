import { readFileSync } from 'node:fs';
import { createCluster } from 'redis';
import { answerLines, ca, nodes, password } from './lines.mjs';

const cluster = createCluster({
  rootNodes: nodes.map(([host, port]) => ({ socket: { host, port } })),
  defaults: { password, ...(ca && { socket: { tls: true, ca: readFileSync(ca) } }) },
});
cluster.on('error', (error) => console.error(error));
await cluster.connect();
await answerLines(cluster);
