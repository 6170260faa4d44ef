import type { NodeView } from '../../cluster/nodes/view.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { Container } from '../../plan/model/resources.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { linkNodes } from '../connect/with-nodes.ts';
import { whyExited, whyUnseen } from './container-end.ts';
import type { Session } from '../session/session.ts';

export interface NodeStatus {
  readonly node: NodeSpec;
  readonly container: Container | undefined;
  readonly view: NodeView;
}

/** What each node says right now, over connections of its own. Reads only, and doesn't wait. */
export async function readNodes(session: Session): Promise<NodeStatus[]> {
  const links = await linkRunning(session);
  try {
    return await Promise.all((await observeNodes(session, links)).map((status) => withExit(session, status)));
  } finally {
    for (const link of links) link.close();
  }
}

async function withExit({ engine }: Session, status: NodeStatus): Promise<NodeStatus> {
  const { container, view } = status;
  if (container?.state !== 'exited' || view.reachable) return status;
  // A container that goes away in this moment is asked for in vain.
  const why = await whyExited(engine, container.name).catch(() => undefined);
  return why === undefined ? status : { ...status, view: { ...view, reason: `${view.reason} (${why})` } };
}

/** For who only looks, and keeps them: a connection to each node; none where no container of the stack runs. */
export async function linkRunning(session: Session): Promise<NodeLink[]> {
  const containers = (await session.engine.listContainers()).filter(isOwn(session.spec.name));
  return containers.some(({ state }) => state === 'running') ? linkNodes(session) : [];
}

/** The same over `links`, for who looks again and again. */
export async function observeNodes(
  { engine, spec }: Session,
  links: readonly Pick<NodeLink, 'name' | 'observe'>[],
): Promise<NodeStatus[]> {
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  return Promise.all(
    spec.nodes.map(async (node): Promise<NodeStatus> => {
      const container = containers.find(({ name }) => name === containerName(spec.name, node.name));
      const link = links.find(({ name }) => name === node.name);
      // Nobody else's Redis on the same port is to be taken for ours, or to be sent our password.
      const absence = container?.state === 'running' ? undefined : whyUnseen(engine, node, container);
      if (absence !== undefined || link === undefined) {
        return { node, container, view: { name: node.name, reachable: false, reason: absence ?? 'it has just begun' } };
      }
      return { node, container, view: await link.observe() };
    }),
  );
}

/** Only what they say. */
export async function viewNodes(session: Session, links: readonly NodeLink[]): Promise<NodeView[]> {
  return (await observeNodes(session, links)).map(({ view }) => view);
}
