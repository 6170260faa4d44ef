import { StackError } from '../../errors.ts';
import type { Endpoint } from '../../engine/engine.ts';
import type { Spec } from '../../spec/spec.ts';

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
  if (spec.access === 'names' && !isLoopback(endpoint.publishedHost)) {
    throw new StackError('USAGE', {
      message: `the engine at ${endpoint.address} is on another machine, and with access: names the ports are published on its loopback addresses`,
      hint: 'Set access: map in the YAML file, or proxy.',
    });
  }
  return reachedAt(bind, endpoint);
}

/** From this host, what is published on all of the engine's addresses is reached at the one that the engine itself is. */
export function reachedAt(host: string, endpoint: Endpoint): string {
  return host === '0.0.0.0' || host === '::' ? endpoint.publishedHost : host;
}
