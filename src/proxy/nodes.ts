import type { Announced } from '../spec/ports.ts';
import type { Place } from './addresses.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Ports {
  readonly host: string;
  readonly plain?: number | undefined;
  readonly tls?: number | undefined;
}

export interface ProxiedNode {
  readonly name: string;
  /** What it calls itself, as it does by its name. */
  readonly announced: Pick<Announced, 'ip' | 'plain' | 'tls'>;
  /** Where clients of this host come in. */
  readonly listen: Ports;
  /** Where the node is published. */
  readonly upstream: Ports;
}

/** Which node is meant by what the nodes call themselves: an address, or a name that one of them announces, and a port. */
export type Known = ReadonlyMap<string, ProxiedNode>;

export function knownBy(nodes: readonly ProxiedNode[]): Known {
  return new Map(
    nodes.flatMap((node) =>
      [node.announced.ip, node.name].flatMap((host) =>
        [node.announced.plain, node.announced.tls].map((port) => [`${host}:${port}`, node] as const),
      ),
    ),
  );
}

/** Where a client that has come in at `host` reaches the node that calls itself so. */
export function placeOf(known: Known, host: string, announced: string, port: number): Place | undefined {
  const node = known.get(`${announced}:${port}`);
  return node && { host, plain: node.listen.plain, tls: node.listen.tls };
}

/** `::ffff:127.0.0.1` is how a socket of both families writes 127.0.0.1. */
export function hostOf(localAddress = ''): string {
  return localAddress.replace(/^::ffff:(?=\d+\.)/, '');
}
