import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { hasCode, StackError } from '../../errors.ts';
import type { RedisCommand } from '../../redis/node-link.ts';
import { withNodes, type Nodes } from '../connect/with-nodes.ts';
import type { Hint } from '../../hint.ts';
import { viewNodes } from '../observe/observe-nodes.ts';
import type { Session } from '../session/session.ts';
import { poll } from '../../poll.ts';
import { durationText } from '../../units.ts';

/** The nodes that answer, for who looks first, then sends one command, and then waits until it has come about. */
export interface LiveCluster {
  /** What each node of the YAML file said at the beginning. */
  readonly views: readonly NodeView[];
  readonly nodes: Nodes;
  /** @throws StackError REDIS_REFUSED with Redis's own words, NODE_DISCONNECTED */
  readonly send: (node: string, ...command: RedisCommand) => Promise<void>;
  /** Sends CLUSTER FORGET to all who know `id`, but for the nodes `except`. */
  readonly forget: (id: string, except?: readonly string[]) => Promise<readonly string[]>;
  /** See `waitUntil`. */
  readonly until: (
    findProblems: (views: readonly NodeView[]) => readonly string[],
    failing: { readonly message: string; readonly hint: Hint },
  ) => Promise<readonly NodeView[]>;
}

export function withLiveCluster<T>(session: Session, work: (cluster: LiveCluster) => Promise<T>): Promise<T> {
  return withNodes(session, async (nodes) => work(await lookAtCluster(session, nodes)));
}

export async function lookAtCluster(session: Session, nodes: Nodes): Promise<LiveCluster> {
  // Redis drops a copy before it answers, and that may take longer than anybody waits for a look.
  const patient = nodes.patient(session.timeoutMs);
  const send: LiveCluster['send'] = async (node, ...command) => {
    await patient.get(node).send(...command);
  };
  const views = await viewNodes(session, nodes.all);
  return {
    views,
    nodes,
    send,
    forget: (id, except = []) => forgetEverywhere(views, send, id, except),
    until: (findProblems, failing) => waitUntil(session, nodes, findProblems, failing),
  };
}

/**
 * Side by side: a node takes a forgotten one back through the gossip of one that still knows it, but not in the first
 * minute.
 *
 * @returns the nodes that were asked
 */
async function forgetEverywhere(
  views: readonly NodeView[],
  send: LiveCluster['send'],
  id: string,
  except: readonly string[],
): Promise<readonly string[]> {
  const knowing = views
    .filter(isReachable)
    .filter(({ name, table }) => !except.includes(name) && table.rows.some((row) => row.id === id))
    .map(({ name }) => name);
  await Promise.all(knowing.map((name) => send(name, 'CLUSTER', 'FORGET', id).catch(ignoreRefusal)));
  return knowing;
}

/** Somebody else may have been quicker. Whoever still knows the node is seen afterwards. */
function ignoreRefusal(error: unknown): void {
  if (hasCode(error, 'REDIS_REFUSED')) return;
  throw error;
}

/** Nodes that still know one of `ids`, as sentences. */
export function findKnowing(views: readonly NodeView[], ids: readonly string[]): string[] {
  return views
    .filter(isReachable)
    .flatMap(({ name, table }) =>
      ids
        .filter((id) => id !== table.myself.id && table.rows.some((row) => row.id === id))
        .map((id) => `${name} still knows ${id}`),
    );
}

/**
 * Looks at the nodes again and again until nothing is missing any more.
 *
 * @param findProblems what is still missing, as sentences; what it throws ends the wait
 * @throws StackError WAIT_TIMEOUT with what was last observed
 */
export async function waitUntil(
  session: Session,
  nodes: Nodes,
  findProblems: (views: readonly NodeView[]) => readonly string[],
  { message, hint }: { readonly message: string; readonly hint: Hint },
): Promise<readonly NodeView[]> {
  const { report, timeoutMs } = session;
  let isReported = false;
  const look = async () => {
    const views = await viewNodes(session, nodes.all);
    const missing = findProblems(views);
    if (missing.length > 0) report({ subject: 'cluster', state: 'running', text: missing[0] ?? '' });
    isReported ||= missing.length > 0;
    return { views, missing };
  };
  const { views } = await poll(look, ({ missing }) => missing.length === 0, {
    ...session,
    onTimeout: (seen) => {
      const silent = seen.views.flatMap((view) =>
        isReachable(view) ? [] : [`${view.name} does not answer: ${view.reason}`],
      );
      return new StackError('WAIT_TIMEOUT', {
        message: `${message} within ${durationText(timeoutMs)}`,
        details: [...seen.missing, ...silent],
        hint,
      });
    },
  });
  if (isReported) report({ subject: 'cluster', state: 'done', text: 'every node agrees' });
  return views;
}
