import type { ReachableView } from '../../cluster/nodes/view.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { localPassword } from '../connect/passwords.ts';
import { desiredOf } from '../observe/wanted.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { findNode, notRunning, requireHosts, type Session } from '../session/session.ts';

/**
 * Restarts the named nodes, or all: side by side, or one at a time. Waits until the cluster is whole again. Every key
 * stays: Redis writes what it has on SIGTERM.
 *
 * @param isRolling one node after the other, each primary only after a replica of it has taken over
 * @throws StackError USAGE for a node that isn't in the YAML file, NOT_RUNNING for one without a container; WAIT_TIMEOUT
 *   when the cluster is not whole before the next node's turn: no more of them is restarted then
 */
export async function restart(
  session: Session,
  nodeNames: readonly string[],
  { isRolling }: { readonly isRolling: boolean },
): Promise<readonly ReachableView[]> {
  const { engine, spec, report } = session;
  const nodes = nodeNames.length === 0 ? spec.nodes : nodeNames.map((name) => findNode(session, name));
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  // The others could not be waited for.
  requireHosts(session, spec.nodes);
  for (const { name } of nodes) {
    const target = containerName(spec.name, name);
    const present = containers.find((container) => container.name === target);
    // One that was made and never started has no configuration yet: `up` gives it one.
    if (present === undefined || present.state === 'created') throw notRunning(target);
  }
  const names = [...new Set(nodes.map(({ name }) => name))];
  const { views } = await reconcile(session, desiredOf(session, undefined, { restart: { nodes: names, isRolling } }), {
    password: () => localPassword(session),
  });
  report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
  return views;
}
