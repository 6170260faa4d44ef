import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestStack } from './test-stack.ts';

/** A key's whole value in an order of its own, and until when it lives. */
export interface KeyValue {
  readonly value: string;
  /** By the node's clock; -1 for a key that stays. */
  readonly expiresAtMs: number;
}

export function passwordOf(stack: TestStack): string {
  return readFileSync(join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password'), 'utf8').trim();
}

export function clientsOf(stack: TestStack): Redis[] {
  const password = passwordOf(stack);
  const ports = stack.ips.map((_ip, index) => stack.ports[index * 2] ?? 0);
  return ports.map((port) => new Redis({ port, password, protocol: 2, lazyConnect: false }));
}

/** Everything that the clients' nodes hold, by the keys' bytes in hexadecimal digits. */
export async function readAllKeys(clients: readonly Redis[]): Promise<Map<string, KeyValue>> {
  const entries = await Promise.all(
    clients.map(async (client) => {
      const keys = (await client.callBuffer('KEYS', '*')) as Buffer[];
      return Promise.all(keys.map(async (key) => [key.toString('hex'), await readKey(client, key)] as const));
    }),
  );
  return new Map(entries.flat().toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function readKey(client: Redis, key: Buffer): Promise<KeyValue> {
  const [type, expiresAtMs] = await Promise.all([client.type(key), client.pexpiretime(key)]);
  return {
    value: `${type} ${await readValue(client, type, key)}`,
    expiresAtMs,
  };
}

async function readValue(client: Redis, type: string, key: Buffer): Promise<string> {
  switch (type) {
    case 'string':
      return hex(await client.callBuffer('GET', key));
    case 'list':
      return hex(await client.callBuffer('LRANGE', key, 0, -1));
    case 'set':
      return ((await client.callBuffer('SMEMBERS', key)) as Buffer[]).map(hex).toSorted().join();
    case 'hash': {
      const parts = ((await client.callBuffer('HGETALL', key)) as Buffer[]).map(hex);
      const pairs = parts.flatMap((part, index) => (index % 2 === 0 ? [`${part}=${parts[index + 1] ?? ''}`] : []));
      return pairs.toSorted().join();
    }
    case 'zset':
      return hex(await client.callBuffer('ZRANGE', key, 0, -1, 'WITHSCORES'));
    case 'stream': {
      const info = (await client.callBuffer('XINFO', 'STREAM', key, 'FULL')) as unknown[];
      const at = (name: string): unknown => info[info.findIndex((one) => String(one) === name) + 1];
      return [at('length'), at('last-generated-id'), at('entries'), at('groups')].map(hex).join();
    }
    default:
      throw new Error(`a key of type ${type}`);
  }
}

function hex(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  return Array.isArray(value) ? `[${value.map(hex).join()}]` : String(value);
}
