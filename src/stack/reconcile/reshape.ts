import type { ReachableView } from '../../cluster/nodes/view.ts';
import type { ShapeStep } from '../../plan/cluster/plan-shape.ts';
import { copyFunctions } from '../../redis/keys/copy-functions.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { executeMoves } from '../execute/move-slots.ts';
import type { Session } from '../session/session.ts';

/**
 * Carries out steps towards the shape that the YAML file asks for.
 *
 * @param session its spec names every node of the cluster, also those that are to leave it
 * @returns the names of the nodes that have left the cluster
 */
export async function reshape(
  session: Session,
  steps: readonly ShapeStep[],
  views: readonly ReachableView[],
  links: readonly NodeLink[],
): Promise<readonly string[]> {
  const retired: string[] = [];
  for (const step of steps) {
    switch (step.type) {
      case 'move slots':
        await bringFunctions(step.moves, views, links);
        await executeMoves(session, step.moves, { leavesMark: true });
        break;
      case 'reset':
        await linkOf(links, step.node)?.send('CLUSTER', 'RESET', 'SOFT');
        break;
      case 'retire':
        await retire(
          step.node,
          views.filter(({ name }) => !retired.includes(name)),
          links,
        );
        retired.push(step.node);
        session.report({ subject: step.node, state: 'done', text: 'has left the cluster' });
    }
  }
  return retired;
}

/** Functions aren't keys: they don't come with the slots. */
async function bringFunctions(
  moves: readonly { readonly from: string; readonly to: string }[],
  views: readonly ReachableView[],
  links: readonly NodeLink[],
): Promise<void> {
  const isIdle = (name: string): boolean =>
    views.some((view) => view.name === name && view.table.myself.slots.length === 0);
  const newcomers = new Map(moves.filter(({ to }) => isIdle(to)).map(({ from, to }) => [to, from]));
  await Promise.all(
    [...newcomers].map(async ([to, from]) => {
      const [source, target] = [linkOf(links, from), linkOf(links, to)];
      if (source !== undefined && target !== undefined) await copyFunctions(source, [target]);
    }),
  );
}

/**
 * The others forget it first: a node that was reset would leave a ghost with them. Gossip can't bring it back, as none of
 * them takes it from others for a minute.
 */
async function retire(name: string, views: readonly ReachableView[], links: readonly NodeLink[]): Promise<void> {
  const id = views.find((view) => view.name === name)?.table.myself.id;
  if (id === undefined) return;
  const others = views.filter((view) => view.name !== name && view.table.rows.some((row) => row.id === id));
  await Promise.all(others.map(async (other) => linkOf(links, other.name)?.send('CLUSTER', 'FORGET', id)));
  await linkOf(links, name)?.send('CLUSTER', 'RESET', 'HARD');
}

function linkOf(links: readonly NodeLink[], name: string): NodeLink | undefined {
  return links.find((link) => link.name === name);
}
