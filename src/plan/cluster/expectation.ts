import type { Expectation } from '../../cluster/findings/health.ts';
import { primariesOf, type NodeSpec, type Spec } from '../../spec/spec.ts';

/** @param former nodes that left the YAML file, and are still of the cluster */
export function expectationOf(spec: Spec, former: readonly NodeSpec[] = []): Expectation {
  return {
    primaryCount: primariesOf(spec).length,
    replicaCount: spec.nodes.length - primariesOf(spec).length,
    addresses: new Map([...spec.nodes, ...former].map(({ name, ip }) => [name, ip])),
  };
}
