import type { Cluster, Redis } from 'ioredis';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import type { RedisCommand } from '../../src/redis/node-link.ts';
import { connectCluster } from './cluster-client.ts';
import { clientsOf } from './key-values.ts';
import type { TestStack } from './test-stack.ts';

/** A client of a cluster, which follows redirects. */
export interface LoadClient {
  /** @param key of the slot that the command is about */
  send(key: string, command: RedisCommand): Promise<unknown>;
  close(): void;
}

/** An application's client. */
export async function connectLibrary(stack: TestStack): Promise<LoadClient> {
  const client: Cluster = await connectCluster(stack);
  return { send: (_key, [name, ...args]) => client.callBuffer(name, ...args), close: () => client.disconnect() };
}

const MOST_REDIRECTS = 20;
const TRY_AGAIN_MS = 5;

/**
 * As the Redis Cluster specification wants clients: MOVED corrects one slot of the map and ASK none. What it sees of a
 * move is what the nodes do; the library's client reads its whole map anew, over another connection, at each MOVED.
 */
export function connectPlainly(stack: TestStack): LoadClient {
  const nodes = clientsOf(stack);
  for (const node of nodes) node.on('error', () => undefined);
  const owners = new Map<number, Redis>();
  const nodeAt = (address: string): Redis | undefined => nodes[stack.ips.indexOf(address.split(':')[0] ?? '')];
  const send = async (key: string, [name, ...args]: RedisCommand): Promise<unknown> => {
    const slot = keySlot(Buffer.from(key));
    let node = owners.get(slot) ?? nodes[0];
    let isAsking = false;
    for (let redirects = 0; node !== undefined; redirects += 1) {
      try {
        // In one go, so that no other command comes between.
        const [, reply] = await Promise.all([
          isAsking ? node.call('ASKING') : undefined,
          node.callBuffer(name, ...args),
        ]);
        return reply;
      } catch (error) {
        const message = error instanceof Error ? error.message : '';
        const [, kind, address = ''] = /^(MOVED|ASK|TRYAGAIN)(?: \d+ (\S+)| )/.exec(message) ?? [];
        if (kind === undefined || redirects === MOST_REDIRECTS) throw error;
        if (kind === 'TRYAGAIN') await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
        else node = nodeAt(address);
        isAsking = kind === 'ASK';
        if (kind === 'MOVED' && node !== undefined) owners.set(slot, node);
        else if (kind === 'TRYAGAIN') node = owners.get(slot) ?? nodes[0];
      }
    }
    throw new Error(`${name} was sent to nowhere`);
  };
  return { send, close: () => nodes.forEach((node) => node.disconnect()) };
}
