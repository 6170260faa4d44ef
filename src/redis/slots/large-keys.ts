import { datasetBytes, parseInfo } from '../../cluster/nodes/view.ts';
import type { NodeLink } from '../node-link.ts';

/**
 * MIGRATE of a large key blocks both nodes until the target has it, and past the node timeout their replicas take over,
 * in the middle of the move. A hash of 500,000 fields (32 MB) took 1.3 s on a busy machine with two cores.
 */
const BLOCKED_MS_PER_BYTE = 40 / 1e6;
/** A key is large that might block for more than this share of the node timeout. */
const SHARE_OF_TIMEOUT = 1 / 3;

export interface LargeKey {
  readonly key: Buffer;
  readonly bytes: number;
}

/** Told of a large key before it moves: see `withRaisableTimeout`. */
export type OnLarge = (node: string, large: LargeKey) => Promise<void>;

/** Of keys that the node doesn't have any more, and of those that it would send elsewhere, it says nothing. */
const FIND_LARGE = `
local large = {}
for index, key in ipairs(ARGV) do
  local bytes = index > 1 and redis.pcall('MEMORY', 'USAGE', key)
  if type(bytes) == 'number' and bytes > tonumber(ARGV[1]) then
    large[#large + 1] = key
    large[#large + 1] = bytes
  end
end
return large`;

/** How to find the large ones among keys of `link`; nobody is asked where all its data together is less than one of them. */
export async function largeKeyFinder(
  link: NodeLink,
): Promise<(keys: readonly Buffer[]) => Promise<readonly LargeKey[]>> {
  const leastBytes = ((await nodeTimeoutMs(link)) * SHARE_OF_TIMEOUT) / BLOCKED_MS_PER_BYTE;
  const memory = parseInfo(String(await link.send('INFO', 'memory')));
  if (datasetBytes(memory) < leastBytes) return async () => Promise.resolve([]);
  return async (keys) => {
    // A node that imports the slot answers only who asks for it.
    const [, reply] = await link.sendAll([['ASKING'], ['EVAL', FIND_LARGE, 0, Math.floor(leastBytes), ...keys]]);
    if (!Array.isArray(reply)) return [];
    return reply.flatMap((key: unknown, index) =>
      Buffer.isBuffer(key) ? [{ key, bytes: Number(reply[index + 1]) }] : [],
    );
  };
}

/**
 * Lets `work` raise the node timeout of all nodes, so that none is taken for failed while a large key blocks it, and sets
 * it back at the end. Killed in between, it leaves a setting that `plan` shows and `up` restores.
 */
export async function withRaisableTimeout<T>(
  links: readonly NodeLink[],
  work: (raiseFor: (bytes: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const before = new Map<NodeLink, number>();
  const raise = async (bytes: number): Promise<void> => {
    const wanted = Math.ceil((bytes * BLOCKED_MS_PER_BYTE) / SHARE_OF_TIMEOUT);
    for (const link of links) {
      const current = await nodeTimeoutMs(link);
      if (current >= wanted) continue;
      if (!before.has(link)) before.set(link, current);
      await link.send('CONFIG', 'SET', 'cluster-node-timeout', wanted);
    }
  };
  let raised = Promise.resolve();
  try {
    return await work((bytes) => (raised = raised.then(() => raise(bytes))));
  } finally {
    // A node that is gone comes back with what its redis.conf says.
    await Promise.allSettled(
      [...before].map(([link, timeoutMs]) => link.send('CONFIG', 'SET', 'cluster-node-timeout', timeoutMs)),
    );
  }
}

async function nodeTimeoutMs(link: NodeLink): Promise<number> {
  const reply = await link.send('CONFIG', 'GET', 'cluster-node-timeout');
  return Number(Array.isArray(reply) ? reply[1] : reply);
}
