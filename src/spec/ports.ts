/** The ports of a node: inside, on the host, and where clients find it. */
import type { SpecDocument } from './schema.ts';

export interface HostPorts {
  readonly plain: number;
  readonly tls: number;
  /** Published only where somebody asks for it: the nodes reach each other in their network. */
  readonly bus?: number | undefined;
}

/** Where a node says that it is: to the other nodes, and to clients that reach these. */
export interface Announced {
  readonly ip: string;
  readonly plain: number;
  readonly tls: number;
  readonly busPort: number;
}

export interface Entrance {
  /** undefined: the host at which the engine's published ports answer. */
  readonly host: string | undefined;
  readonly plain: number;
  readonly tls: number;
}

/** Where a node is published, and where clients on the host find it. */
interface Places {
  readonly ports: HostPorts;
  readonly entrance: Entrance;
}

/** What of TLS decides which ports are open. */
interface TlsPorts {
  readonly enabled: boolean;
  readonly plain: boolean;
  readonly cluster: boolean;
}

export const CONTAINER_PORTS = { plain: 6379, tls: 6380, bus: 16379 } as const;

/** The proxy has the ports that the YAML file names, and the nodes behind it others: as far from them, or as far below. */
const BEHIND_PROXY = 5000;

/** Where a node is published, and where clients find it, of a node with these ports in the YAML file. */
export function placesOf(access: SpecDocument['access'], name: string, ports: HostPorts): Places {
  const { plain, tls } = ports;
  switch (access) {
    case 'map':
      return { ports, entrance: { host: undefined, plain, tls } };
    case 'proxy':
      return {
        ports: { ...ports, plain: portBehindProxy(plain), tls: portBehindProxy(tls) },
        entrance: { host: undefined, plain, tls },
      };
    case 'names':
      return { ports, entrance: { host: name, plain: CONTAINER_PORTS.plain, tls: CONTAINER_PORTS.tls } };
  }
}

/** By default a node is where its network has it; with `announce: host`, where its host publishes it. */
export function announcedPlace(
  announce: SpecDocument['network']['announce'],
  { ip, ports, bind = ip }: { readonly ip: string; readonly ports: HostPorts; readonly bind?: string | undefined },
): Announced {
  const inside = CONTAINER_PORTS;
  return announce === 'host'
    ? { ip: bind, plain: ports.plain, tls: ports.tls, busPort: ports.bus ?? inside.bus }
    : { ip, plain: inside.plain, tls: inside.tls, busPort: inside.bus };
}

/** A node's ports as the YAML file writes them. */
export function writtenPorts(
  { access }: Pick<SpecDocument, 'access'>,
  { ports, entrance: { plain, tls } }: Places,
): HostPorts {
  return access === 'proxy' ? { ...ports, plain, tls } : ports;
}

/** Where a node is published whose own port the proxy has. */
export function portBehindProxy(port: number): number {
  const above = port + BEHIND_PROXY;
  return above <= 65_535 ? above : port - BEHIND_PROXY;
}

/** The one of its ports under which the nodes know each other. */
export function peerKind({ tls }: { readonly tls: Pick<TlsPorts, 'cluster'> }): 'plain' | 'tls' {
  return tls.cluster ? 'tls' : 'plain';
}

/** The one that they tell to clients of the port that is open to all. */
export function clientKind({ tls }: { readonly tls: Pick<TlsPorts, 'plain'> }): 'plain' | 'tls' {
  return tls.plain ? 'plain' : 'tls';
}

/** The kinds of ports on which a node listens. */
export function openPorts({
  tls,
}: {
  readonly tls: Pick<TlsPorts, 'plain' | 'enabled'>;
}): readonly (keyof HostPorts)[] {
  return [...(tls.plain ? (['plain'] as const) : []), ...(tls.enabled ? (['tls'] as const) : []), 'bus'];
}
