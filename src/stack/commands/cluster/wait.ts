import pRetry from 'p-retry';
import { findBrokenLinks, findClusterProblems } from '../../../cluster/findings/health.ts';
import { isReachable, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { proveReadWrite } from '../../../redis/prove.ts';
import { natMapOf } from '../../connect/connection.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { linkNodes } from '../../connect/links.ts';
import { observeNodes } from '../../observe/observe-nodes.ts';
import { requirePassword } from '../../connect/passwords.ts';
import type { Session } from '../../session/session.ts';
import { readTrust } from '../../connect/trust.ts';

const POLLING = { retries: Infinity, minTimeout: 50, factor: 1.2, maxTimeout: 500 };

/**
 * Waits until every node agrees on every slot, every link of the bus stands, and a key can be written and read in each
 * primary. Changes nothing but those keys, which it deletes.
 *
 * @throws StackError WAIT_TIMEOUT that names each node, port and bus link which is in the way
 */
export async function waitForCluster(session: Session): Promise<readonly ReachableView[]> {
  const { spec, signal, timeoutMs } = session;
  const password = await requirePassword(session);
  const tls = spec.tls.plain ? undefined : await readTrust(session);
  const natMap = natMapOf(session, tls === undefined ? 'plain' : 'tls');
  const links = await linkNodes(session, password);
  let problems: readonly string[] = [];
  const attempt = async (): Promise<readonly ReachableView[]> => {
    const views = (await observeNodes(session, links)).map(({ view }) => view);
    const reachable = views.filter(isReachable);
    problems = [...findClusterProblems(expectationOf(spec), views), ...findBrokenLinks(reachable)];
    if (problems.length > 0) throw new NotYet();
    const ranges = reachable.flatMap(({ table }) => table.myself.slots.slice(0, 1));
    try {
      await proveReadWrite(natMap, password, tls, ranges);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      problems = [error.message];
      throw new NotYet();
    }
    return reachable;
  };
  try {
    const shouldRetry = ({ error }: { error: Error }): boolean => error instanceof NotYet;
    return await pRetry(attempt, { ...POLLING, signal, maxRetryTime: timeoutMs, shouldRetry });
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    throw new StackError('WAIT_TIMEOUT', {
      message: `the cluster was not whole within ${timeoutMs / 1000} s`,
      details: problems,
      hint: 'npx tsx manage.ts up   # mends what can be mended without losing data',
    });
  } finally {
    for (const link of links) link.close();
  }
}

class NotYet extends Error {}
