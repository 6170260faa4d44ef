import { createHash } from 'node:crypto';
import { loopbackAddress } from '../../spec/addresses.ts';
import { CONTAINER_PORTS, openPorts, type HostPorts } from '../../spec/ports.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { formatRanges, rangesOf } from '../../cluster/slots/slots.ts';
import type { ProxyDefinition } from './observed.ts';
import type {
  Container,
  ContainerDefinition,
  HostPort,
  NetworkDefinition,
  PublishedPort,
  ServerName,
} from './resources.ts';
import { composeLabels, containerName, LABELS, volumeName } from './names.ts';
import { AUTHORITY_FILE, CERTIFICATE_FILE, REDIS_CONF_FILE } from '../node/redis-config.ts';

/** The uid of the user redis in the official images; Redis runs as it in any image, and never as root. */
export const REDIS_UID = 999;
export const REDIS_GID = 999;

export function networkDefinition(spec: Spec): NetworkDefinition {
  const { name, subnet, gateway, automaticRange, driver } = spec.network;
  const definition = {
    name,
    subnet: subnet.text,
    gateway,
    automaticRange: automaticRange.text,
    ...(driver === 'overlay' && { driver }),
  };
  const labels = {
    [LABELS.stack]: spec.name,
    [LABELS.definition]: digest(definition),
    ...composeLabels(spec.name, { network: name }),
  };
  return { ...definition, labels };
}

/** @param file the path of the YAML file, for others to see */
export function containerDefinition(
  spec: Spec,
  node: NodeSpec,
  image: string,
  file: string,
  server: ServerName = 'redis',
): ContainerDefinition {
  const { name: stack, redis, network } = spec;
  const volume = volumeName(stack, node.name);
  const owner = { [LABELS.stack]: stack, [LABELS.node]: node.name };
  return {
    name: containerName(stack, node.name),
    host: node.host,
    image,
    user: `${REDIS_UID}:${REDIS_GID}`,
    command: [`${server}-server`, REDIS_CONF_FILE],
    hostname: node.name,
    labels: {
      ...owner,
      [LABELS.image]: image,
      ...(spec.access === 'proxy' && { [LABELS.entrance]: entranceLabel(spec, node) }),
      [LABELS.tls]: spec.tls.cluster ? 'bus' : spec.tls.enabled ? 'yes' : 'no',
      ...composeLabels(stack, { service: node.name, file }),
    },
    network: { name: network.name, address: node.ip, aliases: [node.name] },
    ports: openPorts(spec).flatMap((kind) => publishedPorts(spec, node, kind)),
    volume: { name: volume, path: '/data', labels: { ...owner, ...composeLabels(stack, { volume }) } },
    memoryBytes: redis.memoryBytes,
    cpus: redis.cpus,
    restartPolicy: redis.restartPolicy,
    healthcheck: healthcheck(spec, server),
  };
}

/** Where the engine has published it for this program. Clients that come by name have another address for the same port. */
export function publishedPort(
  { ports, addresses }: Pick<Container, 'ports' | 'addresses'>,
  kind: keyof HostPorts,
): PublishedPort | undefined {
  const isByName = ({ hostAddress }: PublishedPort): boolean =>
    hostAddress !== '' && Object.values(addresses).map(loopbackAddress).includes(hostAddress);
  return ports.find((port) => port.containerPort === CONTAINER_PORTS[kind] && !isByName(port));
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
  const { redis, nodes, tls } = spec;
  const served = [redis.bind, tls.plain, tls.enabled, tls.clientAuth, tls.issuer];
  const places = nodes.map(({ name, ip, ports, entrance }) => [
    name,
    ip,
    ports.plain,
    ports.tls,
    entrance.plain,
    entrance.tls,
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

function entranceLabel(spec: Spec, node: NodeSpec): string {
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

function publishedPorts(
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

/**
 * A container that does something beside the nodes, and is gone then: it shares no network, no port and no volume with
 * them. No node can be called so: what a killed run left behind is a leftover for the next `up`.
 */
export function beside(
  stack: string,
  purpose: string,
  own: Pick<ContainerDefinition, 'image' | 'command'> & Partial<Pick<ContainerDefinition, 'memoryBytes' | 'cpus'>>,
): ContainerDefinition {
  return {
    memoryBytes: 0,
    cpus: 0,
    ...own,
    name: `${stack}_${purpose}`,
    user: `${REDIS_UID}:${REDIS_GID}`,
    hostname: 'beside',
    labels: { [LABELS.stack]: stack, [LABELS.node]: `_${purpose}`, [LABELS.image]: own.image },
    network: { name: 'none', address: '', aliases: [] },
    ports: [],
    volume: { name: '', path: '/data', labels: {} },
    restartPolicy: 'no',
    healthcheck: { command: ['NONE'], intervalMs: 0, timeoutMs: 0 },
  };
}

/**
 * The user `health` may send PING and CLUSTER INFO and has no password, so there is none to leak. A node that answers
 * but can't serve the cluster is unhealthy too. Exit codes of redis-cli say nothing: 0 even for an error, before 7.0.
 */
function healthcheck(spec: Spec, server: ServerName): ContainerDefinition['healthcheck'] {
  const client = [`${server}-cli`, ...connectionArguments(spec), '--no-auth-warning --user health --pass health'];
  return {
    command: [
      'CMD-SHELL',
      `${client.join(' ')} cluster info | grep -cE "cluster_state:ok|cluster_slots_ok:16384" | grep -qx 2`,
    ],
    intervalMs: 5000,
    timeoutMs: 3000,
  };
}

/** How redis-cli inside a container reaches its own node, or another one. */
export function connectionArguments({ tls }: Pick<Spec, 'tls'>): string[] {
  if (tls.plain) return [];
  const files = ['--cacert', AUTHORITY_FILE, '--cert', CERTIFICATE_FILE, '--key', CERTIFICATE_FILE];
  return ['-p', String(CONTAINER_PORTS.tls), '--tls', ...files];
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
