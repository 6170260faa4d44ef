import { StackError } from '../../errors.ts';
import type { NodeLink } from '../node-link.ts';
import { Refusal } from '../connect-node.ts';
import { hint, run } from '../../hint.ts';

/**
 * Gives the functions of `source` to each of `primaries`; their replicas get them from them. Libraries of the same name
 * are overwritten. @returns how many libraries these are: none before Redis 7, which has no functions.
 */
export async function copyFunctions(source: NodeLink, primaries: readonly NodeLink[]): Promise<number> {
  const [list, dump] = await source.sendAll([
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'DUMP'],
  ]);
  if (!Array.isArray(list) || list.length === 0 || !Buffer.isBuffer(dump)) return 0;
  await Promise.all(
    primaries.map(async (link) => {
      const [reply] = await link.sendAll([['FUNCTION', 'RESTORE', dump, 'REPLACE']]);
      if (!(reply instanceof Refusal)) return;
      throw new StackError('REDIS_REFUSED', {
        message: `${link.name} refused the functions: ${reply.message}`,
        hint: hint`${run(`redis-cli ${link.name} -- FUNCTION LIST`)}   # shows those that are in the way`,
      });
    }),
  );
  return list.length;
}
