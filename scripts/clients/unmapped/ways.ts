/** From where, and by which addresses, a client that has no map comes to a stack. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopbackAddress } from '../../../src/spec/addresses.ts';
import { CONTAINER_PORTS } from '../../../src/spec/ports.ts';
import { inNetworkOf } from '../../../test/helpers/clients.ts';
import { dockerOf, type TestStack } from '../../../test/helpers/test-stack.ts';
import { openLoopback } from '../loopback.ts';

/** Where the clients run. */
export interface Room {
  /** The command, in there. */
  enter(command: readonly string[]): readonly string[];
  /** `host:port` of each entry point. */
  readonly entrances: Readonly<Record<Port, readonly string[]>>;
  close(): Promise<void>;
}

export const PORTS = ['plain', 'tls'] as const;
export type Port = (typeof PORTS)[number];

export interface Way {
  readonly name: string;
  /** As the YAML file says it. */
  readonly access: 'map' | 'proxy' | 'names';
  readonly open: (stack: TestStack) => Promise<Room>;
}

export const WAYS = [
  { name: 'in the network', access: 'map', open: openNetwork },
  { name: 'proxy', access: 'proxy', open: openPublished },
  { name: 'names', access: 'names', open: openNames },
  { name: 'names, in the network', access: 'names', open: openNetwork },
] as const satisfies readonly Way[];

/** The network and the resolver of a container, with the files of this host: no language's client needs an image. */
async function openNetwork(stack: TestStack): Promise<Room> {
  const { ResolvConfPath } = await dockerOf(stack.engine).getContainer(stack.container(1)).inspect();
  const prefix = await inNetworkOf(stack, withFile('/etc/resolv.conf', ResolvConfPath));
  return {
    enter: (command) => [...prefix, ...command],
    entrances: namedEntrances(stack),
    close: async () => undefined,
  };
}

/** Nothing but the ports of the YAML file, at 127.0.0.1. */
async function openPublished({ ports }: TestStack): Promise<Room> {
  const loopback = await openLoopback(ports.map((port) => ({ port })));
  const entrances = (first: number): string[] =>
    ports.filter((_, index) => index % 2 === first).map((port) => `127.0.0.1:${port}`);
  return { ...loopback, entrances: { plain: entrances(0), tls: entrances(1) } };
}

/** Nothing but what this host publishes, at an address of 127.0.0.0/8 for each node, whose name is in the hosts file. */
async function openNames(stack: TestStack): Promise<Room> {
  const addresses = stack.ips.map(loopbackAddress);
  const ports = [CONTAINER_PORTS.plain, CONTAINER_PORTS.tls];
  const doors = addresses.flatMap((address) => ports.map((port) => ({ port, published: address, inside: address })));
  const loopback = await openLoopback(doors);
  const hosts = join(stack.folder, 'hosts');
  const lines = addresses.map((address, index) => `${address} redis-${index + 1}\n`);
  writeFileSync(hosts, ['127.0.0.1 localhost\n', ...lines].join(''));
  return {
    enter: (command) => loopback.enter([...withFile('/etc/hosts', hosts), ...command]),
    entrances: namedEntrances(stack),
    close: () => loopback.close(),
  };
}

function namedEntrances(stack: TestStack): Room['entrances'] {
  const entrances = (port: number): string[] => stack.ips.map((_, index) => `redis-${index + 1}:${port}`);
  return { plain: entrances(CONTAINER_PORTS.plain), tls: entrances(CONTAINER_PORTS.tls) };
}

/** What follows sees another file in the place of one of this host. */
function withFile(place: string, file: string): string[] {
  return ['unshare', '--mount', 'sh', '-c', `mount --bind "$0" ${place} && exec "$@"`, file];
}
