import type { NodeLink, RedisCommand } from '../node-link.ts';

/**
 * Whether two nodes have the same value under a key, as an interrupted MIGRATE leaves it. A slot that either of them
 * imports is no hindrance.
 */
export async function isSameValue(one: NodeLink, other: NodeLink, key: Buffer): Promise<boolean> {
  const [here, there] = await askBoth(one, other, ['DUMP', key]);
  if (!Buffer.isBuffer(here) || !Buffer.isBuffer(there)) return false;
  return here.equals(there) || isSameInAnyOrder(one, other, key);
}

/**
 * A large hash or set is kept in an order that each process chooses for itself, and DUMP goes by it: two copies of one
 * value seldom have equal dumps.
 */
async function isSameInAnyOrder(one: NodeLink, other: NodeLink, key: Buffer): Promise<boolean> {
  const types = (await askBoth(one, other, ['TYPE', key])).map(String);
  const [type] = types;
  if (types[1] !== type || (type !== 'hash' && type !== 'set')) return false;
  const command: RedisCommand = type === 'hash' ? ['HGETALL', key] : ['SMEMBERS', key];
  const [here, there] = (await askBoth(one, other, command)).map((reply) => partsOf(reply, type === 'hash' ? 2 : 1));
  return here !== undefined && there !== undefined && here.join() === there.join();
}

/** Members, or fields with their values, in an order that depends on nothing else. */
function partsOf(reply: unknown, size: 1 | 2): string[] | undefined {
  if (!Array.isArray(reply)) return undefined;
  const texts = reply.map((part) => (Buffer.isBuffer(part) ? part.toString('hex') : ''));
  if (size === 1) return texts.toSorted();
  return texts.flatMap((text, index) => (index % 2 === 0 ? [`${text}=${texts[index + 1] ?? ''}`] : [])).toSorted();
}

async function askBoth(one: NodeLink, other: NodeLink, command: RedisCommand): Promise<readonly unknown[]> {
  const ask = async (link: NodeLink): Promise<unknown> => (await link.sendAll([['ASKING'], command]))[1];
  return Promise.all([ask(one), ask(other)]);
}
