import type { ReachableView } from '../../cluster/nodes/view.ts';
import type { Action } from '../../plan/model/actions.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { converge } from '../reconcile/converge.ts';
import { execute } from '../execute/execute.ts';
import { nextDisruption } from '../reconcile/next-disruption.ts';
import type { Secret } from '../../secret.ts';
import { linkNodes } from '../connect/links.ts';
import { findNode, notRunning } from '../session/nodes.ts';
import { localPassword } from '../connect/passwords.ts';
import { performOnEngine } from '../execute/perform.ts';
import { inRounds } from '../reconcile/rounds.ts';
import type { Session } from '../session/session.ts';

export interface RestartOptions {
  /** One node after the other, each primary only after a replica of it has taken over. */
  readonly isRolling: boolean;
}

/**
 * Restarts the named nodes, or all: side by side, or one at a time. Waits until the cluster is whole again. Every key
 * stays: Redis writes what it has on SIGTERM.
 *
 * @throws StackError USAGE for a node that isn't in the YAML file, NOT_RUNNING for one without a container; WAIT_TIMEOUT
 *   when the cluster is not whole before the next node's turn: no more of them is restarted then
 */
export async function restart(
  session: Session,
  nodeNames: readonly string[],
  { isRolling }: RestartOptions,
): Promise<readonly ReachableView[]> {
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
  const perform = (some: readonly Action[]): Promise<void> =>
    inRounds(session, () => execute(some, (action) => performOnEngine(session, action), session));
  if (isRolling) await inTurns(session, actions, password, perform);
  else await perform(actions);
  const links = await linkNodes(session, password);
  try {
    const { views } = await converge(session, links);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    return views;
  } finally {
    for (const link of links) link.close();
  }
}

async function inTurns(
  session: Session,
  actions: readonly Action[],
  password: Secret | undefined,
  perform: (some: readonly Action[]) => Promise<void>,
): Promise<void> {
  const { spec } = session;
  let waiting = spec.nodes.filter(({ name }) =>
    actions.some(({ target }) => target === containerName(spec.name, name)),
  );
  while (waiting.length > 0) {
    const next = await nextDisruption(
      session,
      waiting.map(({ name }) => name),
      { password },
    );
    const targets = new Set(next.map((name) => containerName(spec.name, name)));
    await perform(actions.filter(({ target }) => targets.has(target)));
    waiting = waiting.filter(({ name }) => !next.includes(name));
  }
}
