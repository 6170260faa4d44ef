import type { ReachableView } from '../cluster/view.ts';
import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { containerName, isOwn } from '../plan/names.ts';
import type { NodeSpec } from '../spec/spec.ts';
import { converge } from './converge.ts';
import { execute } from './execute.ts';
import { linkNodes } from './links.ts';
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

/** A node by the name that the YAML file gives it, or by its container's. @throws StackError USAGE */
export function findNode({ spec }: Pick<Session, 'spec'>, name: string): NodeSpec {
  const node = spec.nodes.find((one) => one.name === name || containerName(spec.name, one.name) === name);
  if (node !== undefined) return node;
  throw new StackError('USAGE', {
    message: `there is no node '${name}' in the stack ${spec.name}`,
    hint: `Its nodes are: ${spec.nodes.map((one) => one.name).join(', ')}`,
  });
}

export function notRunning(container: string): StackError {
  return new StackError('NOT_RUNNING', {
    message: `the container ${container} of this stack does not run`,
    hint: 'npx tsx manage.ts up',
  });
}
