import { formatRanges, rangesOf } from '../../cluster/slots/slots.ts';
import { loopbackAddress } from '../../spec/addresses.ts';
import { announcedPlace, CONTAINER_PORTS, openPorts, type HostPorts } from '../../spec/ports.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { containerName, digest, LABELS } from './names.ts';
import type { ProxyDefinition } from './observed.ts';
import type { Container, HostPort, PublishedPort } from './resources.ts';

/** Where the engine has published it for this program. Clients that come by name have another address for the same port. */
export function publishedPort(
  { ports, addresses }: Pick<Container, 'ports' | 'addresses'>,
  kind: keyof HostPorts,
): PublishedPort | undefined {
  const isByName = ({ hostAddress }: PublishedPort): boolean =>
    hostAddress !== '' && Object.values(addresses).map(loopbackAddress).includes(hostAddress);
  return ports.find((port) => port.containerPort === CONTAINER_PORTS[kind] && !isByName(port));
}

/**
 * The same with each node where its container has it: with other ports in the YAML file it announces its old ones until its turn
 * comes to be recreated.
 */
export function asMade(spec: Spec, containers: readonly Container[]): Spec {
  if (spec.network.announce === undefined) return spec;
  const nodes = spec.nodes.map((node) => {
    const container = containers.find(({ name }) => name === containerName(spec.name, node.name));
    return container === undefined ? node : { ...node, announced: nodeAsMade(spec, node, container).announced };
  });
  return { ...spec, nodes };
}

/** A node at the ports that its container has, whatever the YAML file gives it meanwhile. */
export function nodeAsMade<N extends Pick<NodeSpec, 'ip' | 'host'>>(
  { network }: Spec,
  node: N,
  container: Container,
): N & Pick<NodeSpec, 'ports' | 'bind' | 'announced'> {
  const [plain, tls, bus] = (['plain', 'tls', 'bus'] as const).map((kind) => publishedPort(container, kind));
  // 0 where it isn't published.
  const ports = { plain: plain?.hostPort ?? 0, tls: tls?.hostPort ?? 0, bus: bus?.hostPort };
  const bind = node.host === undefined ? undefined : (bus ?? tls ?? plain)?.hostAddress;
  const place = { ...node, bind, ports };
  return { ...place, announced: announcedPlace(network.announce, place) };
}

/** Of two containers only one can have it. */
export function isSamePort(one: HostPort, other: HostPort): boolean {
  const isSameAddress = one.hostAddress === other.hostAddress;
  return one.hostPort === other.hostPort && (isSameAddress || isEverywhere(one) || isEverywhere(other));
}

function isEverywhere({ hostAddress }: HostPort): boolean {
  return ['', '0.0.0.0', '::'].includes(hostAddress);
}

/** undefined where clients come in without a proxy. */
export function proxyDefinition(
  spec: Spec,
  place: Pick<ProxyDefinition, 'version' | 'file'>,
): ProxyDefinition | undefined {
  if (spec.access !== 'proxy') return undefined;
  const { redis, nodes, tls, hosts } = spec;
  const served = [redis.bind, tls.plain, tls.enabled, tls.clientAuth, tls.issuer, ...hosts];
  const places = nodes.map(({ name, announced, ports, entrance, host }) => [
    name,
    announced.ip,
    ports.plain,
    ports.tls,
    entrance.plain,
    entrance.tls,
    ...(host === undefined ? [] : [host]),
  ]);
  return { ...place, addresses: proxyAddresses(spec), digest: digest([...served, places]) };
}

/** Where it listens; none where clients come in without one. */
export function proxyAddresses(spec: Spec): HostPort[] {
  return spec.access === 'proxy' ? spec.nodes.flatMap((node) => entrancesOf(spec, node)) : [];
}

function entrancesOf(spec: Spec, { entrance }: NodeSpec): HostPort[] {
  return openPorts(spec).flatMap((kind) =>
    kind === 'bus' ? [] : [{ hostAddress: spec.redis.bind, hostPort: entrance[kind] }],
  );
}

export function entranceLabel(spec: Spec, node: NodeSpec): string {
  return entrancesOf(spec, node)
    .map(({ hostAddress, hostPort }) => `${hostAddress}:${hostPort}`)
    .join(' ');
}

/** Where the containers say that the proxy of their stack listens. */
export function labelledEntrances(containers: readonly Pick<Container, 'labels'>[]): HostPort[] {
  return containers
    .flatMap(({ labels }) => labels[LABELS.entrance]?.split(' ') ?? [])
    .flatMap((text) => {
      const [, hostAddress, hostPort] = /^(.+):(\d+)$/.exec(text) ?? [];
      return hostAddress === undefined ? [] : [{ hostAddress, hostPort: Number(hostPort) }];
    });
}

/** `127.0.0.1:6379-6381,6390-6392` */
export function addressText(addresses: readonly HostPort[]): string {
  const hosts = [...new Set(addresses.map(({ hostAddress }) => hostAddress))];
  return hosts
    .map((host) => {
      const ports = new Set(addresses.filter((one) => one.hostAddress === host).map(({ hostPort }) => hostPort));
      const ranges = rangesOf([...ports].toSorted((one, other) => one - other));
      return `${host}:${formatRanges(ranges).replaceAll(' ', ',')}`;
    })
    .join(' ');
}

export function publishedPorts(
  { redis, access }: Spec,
  { ip, ports, bind = redis.bind }: NodeSpec,
  kind: keyof HostPorts,
): PublishedPort[] {
  const containerPort = CONTAINER_PORTS[kind];
  const hostPort = ports[kind];
  // By its name, a node has the same ports from both sides.
  const isNamed = access === 'names' && kind !== 'bus';
  return [
    ...(hostPort === undefined ? [] : [{ hostAddress: bind, hostPort, containerPort }]),
    ...(isNamed ? [{ hostAddress: loopbackAddress(ip), hostPort: containerPort, containerPort }] : []),
  ];
}
