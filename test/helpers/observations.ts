import type { NodeView } from '../../src/cluster/nodes/view.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { ObservedNode } from '../../src/stack/commands/watch/observed-history.ts';
import type { Observation } from '../../src/stack/commands/watch/observer.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { healthyViews, specOf, type Shape } from './builders.ts';

/** A session that knows its spec, and that its engine is on this machine: no more is needed to describe what was seen. */
export function sessionOfShape(shape: Shape = {}, engine: Partial<Engine> = {}): Session {
  const endpoint = { address: 'unix:///var/run/docker.sock', source: 'test', publishedHost: '127.0.0.1' };
  return { spec: specOf(shape), path: '/checkout/infra/dev-services.yaml', engine: { endpoint, ...engine } } as Session;
}

/** A look at a cluster that is whole, apart from the changes. @param change undefined leaves a view as it is */
export function observationOf(
  shape: Shape = {},
  change: (view: NodeView) => NodeView | undefined = () => undefined,
  changes: Partial<Observation> = {},
): Observation {
  const session = sessionOfShape(shape);
  const views = healthyViews(session.spec).map((view) => change(view) ?? view);
  const nodes = session.spec.nodes.map((node, index): ObservedNode => {
    const view = views[index] ?? { name: node.name, reachable: false, reason: 'it has just begun' };
    return { node, container: undefined, view, lastFailure: undefined };
  });
  return {
    at: 1,
    tookMs: 1,
    session,
    nodes,
    away: new Set(),
    findings: [],
    isMoving: false,
    migrations: [],
    staleBecause: undefined,
    ...changes,
  };
}

/** Nodes of these names don't answer. */
export function without(...names: readonly string[]): (view: NodeView) => NodeView | undefined {
  return ({ name }) => (names.includes(name) ? { name, reachable: false, reason: 'ECONNREFUSED' } : undefined);
}
