import type { Expectation } from '../../cluster/findings/finding.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { primariesOf, type NodeSpec, type Spec } from '../../spec/spec.ts';

/** @param former nodes that left the YAML file, and are still of the cluster */
export function expectationOf(spec: Spec, former: readonly NodeSpec[] = []): Expectation {
  return {
    primaryCount: primariesOf(spec).length,
    replicaCount: spec.nodes.length - primariesOf(spec).length,
    addresses: new Map([...spec.nodes, ...former].map(({ name, ip }) => [name, ip])),
  };
}

/** The same, be the number of primaries another than the YAML file's: nothing can be said of replicas then. */
export function inItsShape(expected: Expectation, views: readonly NodeView[]): Expectation {
  const size = views.find(isReachable)?.info.size ?? expected.primaryCount;
  return size === expected.primaryCount ? expected : { ...expected, primaryCount: size, replicaCount: 0 };
}
