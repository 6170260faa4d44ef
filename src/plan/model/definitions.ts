import { CONTAINER_PORTS, openPorts } from '../../spec/ports.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { entranceLabel, publishedPorts } from './host-ports.ts';
import type { ContainerDefinition, NetworkDefinition, ServerName } from './resources.ts';
import { composeLabels, containerName, digest, LABELS, volumeName } from './names.ts';
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
  const owner = { [LABELS.stack]: stack, [LABELS.node]: node.name, ...elsewhereLabel(spec, node) };
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

/** Without the YAML file, `down` sees one engine, and should know that this isn't all. */
export function elsewhereLabel({ hosts, nodes }: Spec, node: NodeSpec): Record<string, string> {
  const others = hosts.filter(({ name }) => name !== node.host && nodes.some(({ host }) => host === name));
  // Nobody should have a password there, and everybody reads labels.
  const text = others.map(({ name, engine }) => `${name} ${engine.replace(/(\/\/[^@/:]*):[^@/]*@/, '$1@')}`).join(', ');
  return text === '' ? {} : { [LABELS.elsewhere]: text };
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
    intervalMs: 15_000,
    timeoutMs: 3000,
  };
}

/** For a shell inside a container: whichever of the two its image has. */
export const CLIENT_PROGRAM = '$(command -v redis-cli || command -v valkey-cli)';

/** How redis-cli inside a container reaches its own node, or another one. */
export function connectionArguments({ tls }: Pick<Spec, 'tls'>): string[] {
  if (tls.plain) return [];
  const files = ['--cacert', AUTHORITY_FILE, '--cert', CERTIFICATE_FILE, '--key', CERTIFICATE_FILE];
  return ['-p', String(CONTAINER_PORTS.tls), '--tls', ...files];
}
