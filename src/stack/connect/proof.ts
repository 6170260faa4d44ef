import type { ReachableView } from '../../cluster/nodes/view.ts';
import { proveReadWrite } from '../../redis/prove.ts';
import type { Secret } from '../../secret.ts';
import type { Session } from '../session/session.ts';
import { natMapOf } from './connection.ts';
import { readTrust } from './trust.ts';

/**
 * How to prove a cluster: a key written and read back in each primary that has slots, as by an application that only uses
 * what is open. What it needs for that is read once.
 *
 * @returns a proof of one look's primaries, which gives their number; see `proveReadWrite`
 */
export async function openProof(
  session: Session,
  password: Secret,
): Promise<(views: readonly ReachableView[]) => Promise<number>> {
  const tls = session.spec.tls.plain ? undefined : await readTrust(session);
  const natMap = natMapOf(session, tls === undefined ? 'plain' : 'tls');
  return async (views) => {
    const ranges = views.flatMap(({ table }) => table.myself.slots.slice(0, 1));
    await proveReadWrite(natMap, password, tls, ranges);
    return ranges.length;
  };
}
