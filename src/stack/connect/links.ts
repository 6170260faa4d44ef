import { StackError } from '../../errors.ts';
import type { Endpoint } from '../../engine/engine.ts';
import { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import type { Spec } from '../../spec/spec.ts';
import { passwordOfNode } from './passwords.ts';
import type { Session } from '../session/session.ts';
import { readTrust } from './trust.ts';

/** Where a published port answers from here: on loopback for an engine on this machine or in a VM on it. */
export function hostAddress(spec: Spec, endpoint: Endpoint): string {
  const { bind } = spec.redis;
  const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1' || host === 'localhost';
  if (isLoopback(bind) && !isLoopback(endpoint.publishedHost)) {
    // 127.0.0.1 would be this machine, and whatever answers here is another stack.
    throw new StackError('USAGE', {
      message: `the engine at ${endpoint.address} is on another machine, and the ports are published on ${bind} there`,
      hint: 'Set redis.bind in the YAML file to an address of that machine, or to 0.0.0.0.',
    });
  }
  return reachedAt(bind, endpoint);
}

function reachedAt(host: string, endpoint: Endpoint): string {
  return host === '0.0.0.0' || host === '::' ? endpoint.publishedHost : host;
}

/**
 * A connection to each node: with the `wanted` password, and, where the node has another one, with the one in its
 * container's files. Over TLS only where nothing else is open.
 */
export async function linkNodes(
  session: Session,
  wanted: Secret | undefined,
  replyTimeoutMs?: number,
): Promise<NodeLink[]> {
  const { spec, engine } = session;
  const host = hostAddress(spec, engine.endpoint);
  const tls = spec.tls.plain ? undefined : await readTrust(session);
  return spec.nodes.map(({ name, ports, host: own }) => {
    const port = tls === undefined ? ports.plain : ports.tls;
    return new NodeLink(
      { name, host: own === undefined ? host : reachedAt(own, engine.endpoint), port, tls },
      [async () => wanted, () => passwordOfNode(session, name)],
      replyTimeoutMs,
    );
  });
}
