import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { StackError } from '../../errors.ts';
import type { Endpoint } from '../../engine/engine.ts';
import type { HostPort } from '../../plan/model/resources.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { withBusAsMade } from '../session/open.ts';
import type { Session } from '../session/session.ts';

/**
 * Where a node's published ports answer from here: on loopback for an engine on this machine or in a VM on it; with several
 * hosts, at its own.
 */
export function hostAddress(
  spec: Spec,
  endpoint: Endpoint,
  { bind = spec.redis.bind }: Pick<NodeSpec, 'bind'>,
): string {
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

/** Where clients on this host find a node: at its plain port, where that is open. */
export function entranceOf({ spec, engine }: Place, node: NodeSpec): { host: string; port: number } {
  const { entrance } = node;
  const host = entrance.host ?? entranceHost({ spec, engine }, node);
  return { host, port: spec.tls.plain ? entrance.plain : entrance.tls };
}

/** Where clients on this host come in, if not at a node's own name. */
export function entranceHost({ spec, engine: { endpoint } }: Place, node: NodeSpec): string {
  const host = hostAddress(spec, endpoint, node);
  return spec.access === 'proxy' ? reachedAt(proxyHost(spec.redis.bind, endpoint), endpoint) : host;
}

/** Where the proxy listens: on `redis.bind`, where that is an address of this host. */
export function proxyHost(bind: string, endpoint: Endpoint): string {
  return isLocal(endpoint) ? bind : '127.0.0.1';
}

/** Where clients on this host reach it. */
export function reachedProxy<T extends HostPort>(addresses: readonly T[], endpoint: Endpoint): T[] {
  return addresses.map((one) => ({ ...one, hostAddress: reachedAt(proxyHost(one.hostAddress, endpoint), endpoint) }));
}

type Place = Pick<Session, 'spec' | 'engine'>;

/** An engine of this machine, or of a virtual one on it. */
export function isLocal({ address }: Pick<Endpoint, 'address'>): boolean {
  return /^(unix|npipe):/.test(address);
}

/** How clients on this host come to the nodes: where they announce that they are, or as `access` says. */
export type Reach = 'direct' | Spec['access'];

export const REACH_TEXT: Readonly<Record<Reach, string>> = {
  direct: "the nodes' own addresses, without a map",
  map: 'the published ports, with the map that env prints',
  proxy: "the proxy's ports, without a map",
  names: "the nodes' names, without a map",
};

/** Asks the engine no more than how the bus was made, and sends nothing to the nodes. */
export async function findReach(session: Session): Promise<Reach> {
  const reach = reachOf(session);
  return reach === 'direct' ? reachOf(await withBusAsMade(session)) : reach;
}

/**
 * Whoever has the address of the network's gateway is on that network. On Linux that is the host of a local engine, while
 * containers run; it is none of an engine in a VM, of a rootless one, or in another network namespace.
 */
export function reachOf({ spec, engine }: Place, interfaces: Interfaces = networkInterfaces()): Reach {
  const { access, network, tls } = spec;
  const isPublished = network.announce !== undefined;
  // On a network of this machine there may be other nodes than those of another machine's engine.
  if (access !== 'map' || !(isPublished || isLocal(engine.endpoint))) return access;
  // Where the bus is plain, Redis before 7.2 redirects clients of the TLS port to the plain one, and only a map leads them back.
  if (tls.enabled && !tls.cluster) return 'map';
  if (isPublished) return 'direct';
  // Certificates of the user's own need not name these addresses.
  if (tls.enabled && tls.issuer.kind === 'files') return 'map';
  const gateway = `${network.gateway}/${network.subnet.prefix}`;
  const isHere = Object.values(interfaces).some((addresses) => addresses?.some(({ cidr }) => cidr === gateway));
  return isHere ? 'direct' : 'map';
}

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'cidr'>[] | undefined>>;
