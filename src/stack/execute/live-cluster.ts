import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import { linkNodes } from '../connect/links.ts';
import { observeNodes } from '../observe/observe-nodes.ts';
import { localPassword } from '../connect/passwords.ts';
import type { Session } from '../session/session.ts';
import { waitUntil } from '../observe/wait-until.ts';

/** The nodes that answer, for who looks first, then sends one command, and then waits until it has come about. */
export interface LiveCluster {
  /** What each node of the YAML file said at the beginning. */
  readonly views: readonly NodeView[];
  readonly links: readonly NodeLink[];
  /** @throws StackError CLUSTER_UNHEALTHY with Redis's own words */
  readonly send: (node: string, ...command: RedisCommand) => Promise<void>;
  /** Sends CLUSTER FORGET to all who know `id`, but for the nodes `except`. */
  readonly forget: (id: string, except?: readonly string[]) => Promise<readonly string[]>;
  /** See `waitUntil`. */
  readonly until: (
    findProblems: (views: readonly NodeView[]) => readonly string[],
    failing: { readonly message: string; readonly hint: string },
  ) => Promise<readonly NodeView[]>;
}

export async function withLiveCluster<T>(session: Session, work: (cluster: LiveCluster) => Promise<T>): Promise<T> {
  const password = await localPassword(session);
  const links = await linkNodes(session, password);
  // Redis drops a copy before it answers, and that may take longer than anybody waits for a look.
  const patient = await linkNodes(session, password, session.timeoutMs);
  const send: LiveCluster['send'] = async (node, ...command) => {
    await patient.find(({ name }) => name === node)?.send(...command);
  };
  try {
    const views = (await observeNodes(session, links)).map(({ view }) => view);
    return await work({
      views,
      links,
      send,
      forget: (id, except = []) => forgetEverywhere(views, send, id, except),
      until: (findProblems, failing) => waitUntil(session, links, findProblems, failing),
    });
  } finally {
    for (const link of [...links, ...patient]) link.close();
  }
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
  if (error instanceof StackError && error.code === 'CLUSTER_UNHEALTHY') return;
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
