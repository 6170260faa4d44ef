import type { ReachableView } from '../cluster/view.ts';
import type { Action } from '../plan/actions.ts';
import { containerName, isOwn } from '../plan/names.ts';
import { converge } from './converge.ts';
import { execute } from './execute.ts';
import { linkNodes } from './links.ts';
import { findNode, notRunning } from './nodes.ts';
import { localPassword } from './passwords.ts';
import { performOnEngine } from './perform.ts';
import type { Session } from './session.ts';

/**
 * Restarts the named nodes, or all, side by side, and waits until the cluster is whole again. Every key stays: Redis
 * writes what it has on SIGTERM.
 *
 * @throws StackError USAGE for a node that isn't in the YAML file, NOT_RUNNING for one without a container.
 */
export async function restart(session: Session, nodeNames: readonly string[]): Promise<readonly ReachableView[]> {
  const { engine, spec, report } = session;
  const nodes = nodeNames.length === 0 ? spec.nodes : nodeNames.map((name) => findNode(session, name));
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  const actions = nodes.map(({ name }): Action => {
    const target = containerName(spec.name, name);
    const present = containers.find((container) => container.name === target);
    // One that was made and never started has no configuration yet: `up` gives it one.
    if (present === undefined || present.state === 'created') throw notRunning(target);
    return { type: 'restart container', target, cause: 'asked for', destructive: false, after: [] };
  });
  const password = await localPassword(session);
  await execute(actions, (action) => performOnEngine(engine, action), session);
  const links = await linkNodes(session, password);
  try {
    const { views } = await converge(session, links);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    return views;
  } finally {
    for (const link of links) link.close();
  }
}
