import pRetry from 'p-retry';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { observeNodes } from './observe-nodes.ts';
import type { Session } from '../session/session.ts';

/** Often at first: most of what a cluster command sets going is done within a tenth of a second. */
const POLLING = { retries: Infinity, minTimeout: 20, factor: 1.2, maxTimeout: 500 };

/**
 * Looks at the nodes again and again until nothing is missing any more.
 *
 * @param findProblems what is still missing, as sentences; what it throws ends the wait
 * @throws StackError WAIT_TIMEOUT with what was last observed
 */
export async function waitUntil(
  session: Session,
  links: readonly NodeLink[],
  findProblems: (views: readonly NodeView[]) => readonly string[],
  { message, hint }: { readonly message: string; readonly hint: string },
): Promise<readonly NodeView[]> {
  const { signal, timeoutMs, report } = session;
  let problems: readonly string[] = [];
  let isReported = false;
  const attempt = async (): Promise<readonly NodeView[]> => {
    const views = (await observeNodes(session, links)).map(({ view }) => view);
    const silent = views.flatMap((view) => (isReachable(view) ? [] : [`${view.name} does not answer: ${view.reason}`]));
    const missing = findProblems(views);
    problems = [...missing, ...silent];
    if (missing.length === 0) {
      if (isReported) report({ subject: 'cluster', state: 'done', text: 'every node agrees' });
      return views;
    }
    isReported = true;
    report({ subject: 'cluster', state: 'running', text: missing[0] ?? '' });
    throw new NotYet();
  };
  try {
    const shouldRetry = ({ error }: { error: Error }): boolean => error instanceof NotYet;
    return await pRetry(attempt, { ...POLLING, signal, maxRetryTime: timeoutMs, shouldRetry });
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    const seconds = timeoutMs / 1000;
    throw new StackError('WAIT_TIMEOUT', { message: `${message} within ${seconds} s`, details: problems, hint });
  }
}

class NotYet extends Error {}
