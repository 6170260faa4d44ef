import { randomBytes } from 'node:crypto';
import type { Cluster } from 'ioredis';
import type { SlotRange } from '../cluster/slots/slots.ts';
import { errorMessage, StackError } from '../errors.ts';
import { run } from '../hint.ts';
import type { Secret } from '../secret.ts';
import { tlsOptions, type TlsTrust } from './connect-node.ts';

/** Announced address → the address that reaches it from this host, as ioredis takes it. */
export type NatMap = Record<string, { host: string; port: number }>;

/**
 * Writes, reads back and deletes one key in each of `ranges` through a cluster-aware client, as an application would.
 *
 * @throws StackError CLUSTER_UNHEALTHY when a key doesn't come back; a passing one where the nodes may only be away
 */
export async function proveReadWrite(
  natMap: NatMap,
  password: Secret,
  tls: TlsTrust | undefined,
  ranges: readonly SlotRange[],
): Promise<void> {
  const { Cluster } = await import('ioredis');
  const { default: keySlot } = await import('cluster-key-slot');
  // A host of the map stands in it twice, once for each port that the node may announce.
  const hosts = new Map(Object.values(natMap).map((place) => [`${place.host}:${place.port}`, place]));
  const cluster = new Cluster([...hosts.values()], {
    natMap,
    lazyConnect: true,
    enableReadyCheck: false,
    clusterRetryStrategy: () => null,
    slotsRefreshTimeout: 5000,
    redisOptions: {
      password: password.reveal(),
      ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      commandTimeout: 5000,
    },
  });
  cluster.on('error', () => undefined);
  try {
    await cluster.connect();
    await Promise.all(ranges.map((range) => proveKey(cluster, keyInRange(range, keySlot))));
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError('CLUSTER_UNHEALTHY', {
      message: `a key could not be written and read back: ${errorMessage(error)}`,
      hint: run('status'),
      isPassing: isOfThisMoment(error),
    });
  } finally {
    cluster.disconnect();
  }
}

/** Nobody answered, or a node that has only just come back: no node has refused the key itself. */
function isOfThisMoment(error: unknown): boolean {
  const isReply = error instanceof Error && error.name === 'ReplyError';
  return !isReply || /^(CLUSTERDOWN|LOADING|MASTERDOWN|TRYAGAIN)\b/.test(error.message);
}

async function proveKey(cluster: Cluster, key: string): Promise<void> {
  const value = `${process.pid}-${Date.now()}`;
  // It expires by itself where this process dies before it deletes it.
  await cluster.set(key, value, 'EX', 10);
  const read = await cluster.get(key);
  await cluster.del(key);
  if (read === value) return;
  throw new StackError('CLUSTER_UNHEALTHY', { message: `the key ${key} was written and read back as something else` });
}

function keyInRange({ start, end }: SlotRange, keySlot: (key: string) => number): string {
  // Two runs at once must not take each other's keys for their own.
  const nonce = randomBytes(6).toString('hex');
  for (let attempt = 0; ; attempt += 1) {
    const key = `redis-cluster-as-code:proof:${nonce}:${attempt}`;
    const slot = keySlot(key);
    if (slot >= start && slot <= end) return key;
  }
}
