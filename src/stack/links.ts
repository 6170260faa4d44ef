import type { Endpoint } from '../engine/engine.ts';
import { NodeLink } from '../redis/node-link.ts';
import type { Secret } from '../secret.ts';
import type { Spec } from '../spec/spec.ts';

/** Where a published port answers from here: on loopback for an engine on this machine or in a VM on it. */
export function hostAddress(spec: Spec, endpoint: Endpoint): string {
  const everywhere = spec.redis.bind === '0.0.0.0';
  return everywhere ? endpoint.publishedHost : spec.redis.bind;
}

export function linkNodes(spec: Spec, endpoint: Endpoint, password: Secret): NodeLink[] {
  const host = hostAddress(spec, endpoint);
  return spec.nodes.map(({ name, ports }) => new NodeLink({ name, host, port: ports.plain }, password));
}
