import { readFileSync } from 'node:fs';
import { GlideClusterClient, Logger } from '@valkey/valkey-glide';
import { answerLines, ca, nodes, password } from './lines.mjs';

// It logs each redirect, among the answers.
Logger.setLoggerConfig('off');
const cluster = await GlideClusterClient.createClient({
  addresses: nodes.map(([host, port]) => ({ host, port })),
  credentials: { password },
  // 250 ms for a request and 2 s for a connection where it isn't said: little on a machine that is busy with other clients.
  requestTimeout: 30_000,
  useTLS: ca !== undefined,
  advancedConfiguration: {
    connectionTimeout: 30_000,
    ...(ca && { tlsAdvancedConfiguration: { rootCertificates: readFileSync(ca) } }),
  },
});
await answerLines(cluster);
