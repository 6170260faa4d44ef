import { readFileSync } from 'node:fs';
import { Cluster, type NatMap } from 'ioredis';
import type { TestStack } from './test-stack.ts';

/**
 * A cluster-aware client, as an application connects with what `env --map` prints, over TLS one that verifies the nodes. To
 * be closed with disconnect().
 */
export async function connectCluster(stack: TestStack, port: 'plain' | 'tls' = 'plain'): Promise<Cluster> {
  const { stdout } = await stack.must('env', '--map', '--format', 'json', '--reveal');
  return connectAs(JSON.parse(stdout) as Record<string, string>, port);
}

/** @param env what `env --map --format json --reveal` prints */
export function connectAs(env: Readonly<Record<string, string | undefined>>, port: 'plain' | 'tls' = 'plain'): Cluster {
  const prefix = port === 'tls' ? 'REDIS_TLS' : 'REDIS';
  const nodes = (env[`${prefix}_CLUSTER_NODES`] ?? '').split(',').map((node) => {
    const [host = '', number = ''] = node.replace('rediss://', '').split(':');
    return { host, port: Number(number) };
  });
  const tls = port === 'tls' ? { tls: { ca: readFileSync(env['REDIS_TLS_CA_FILE'] ?? '') } } : {};
  const client = new Cluster(nodes, {
    natMap: JSON.parse(env[`${prefix}_NAT_MAP`] ?? '{}') as NatMap,
    // ioredis shares one entry of its map among a range of slots: of many commands at once, one that follows MOVED leads
    // the others astray until the map is read anew.
    maxRedirections: 200,
    redisOptions: { password: env['REDIS_PASSWORD'] ?? '', ...tls },
  });
  client.on('error', () => undefined);
  return client;
}

const keyOf = (index: number): string => `filler:${index}`;
const valueOf = (index: number): string => `value ${index} `.repeat(8);

/** Writes `count` keys, which `expectFilled` finds again. */
export async function fill(client: Cluster, count: number): Promise<void> {
  await inChunks(count, (index) => client.set(keyOf(index), valueOf(index)));
}

/** @returns the keys that are not there, or not as `fill` wrote them */
export async function findMissing(client: Cluster, count: number): Promise<string[]> {
  const missing: string[] = [];
  await inChunks(count, async (index) => {
    if ((await client.get(keyOf(index))) !== valueOf(index)) missing.push(keyOf(index));
  });
  return missing;
}

async function inChunks(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const size = 500;
  for (let start = 0; start < count; start += size) {
    const indexes = Array.from({ length: Math.min(size, count - start) }, (_, index) => start + index);
    await Promise.all(indexes.map(work));
  }
}
