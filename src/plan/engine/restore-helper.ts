import { toAddress, toNumber } from '../../spec/addresses.ts';
import { CONTAINER_PORTS } from '../../spec/ports.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { REDIS_GID, REDIS_UID } from '../model/definitions.ts';
import { LABELS } from '../model/names.ts';
import { REDIS_CONF_FILE, tlsPort, USER_CONF_FILE, USERS_FILE } from '../node/redis-config.ts';
import type { Container, ContainerDefinition } from '../model/resources.ts';

/** A Redis outside the cluster that reads an RDB file, for its keys to be copied from it. */

/** No node can be called so: `up` takes what a killed run left behind for a leftover, and removes it. */
const NODE_LABEL = 'restore_helper';

/** No node's container can be called so either. */
export function helperName(stack: string): string {
  return `${stack}_restore`;
}

export function isHelper({ labels }: Pick<Container, 'labels'>): boolean {
  return labels[LABELS.node] === NODE_LABEL;
}

/**
 * @param beside a node that runs, whose host it shares
 * @param node its container, whose image and so whose Redis it shares
 * @param program the server's name in that image
 */
export function helperDefinition(
  spec: Spec,
  { host, bind = spec.redis.bind }: NodeSpec,
  node: Pick<Container, 'image' | 'imageId' | 'labels'>,
  address: string,
  program: string,
): ContainerDefinition {
  return {
    name: helperName(spec.name),
    host,
    image: node.imageId,
    user: `${REDIS_UID}:${REDIS_GID}`,
    command: [program, REDIS_CONF_FILE],
    hostname: 'restore',
    labels: {
      [LABELS.stack]: spec.name,
      [LABELS.node]: NODE_LABEL,
      [LABELS.image]: node.labels[LABELS.image] ?? node.image,
    },
    network: { name: spec.network.name, address, aliases: [] },
    // The engine takes a free one.
    ports: [{ hostAddress: bind, hostPort: 0, containerPort: helperPort(spec) }],
    // Without a name it goes with its container, and without a label nobody is told that it is kept.
    volume: { name: '', path: '/data', labels: {} },
    // It holds what one of the backup's nodes held, which may have been larger than this stack's are.
    memoryBytes: 0,
    cpus: 0,
    restartPolicy: 'no',
    healthcheck: { command: ['NONE'], intervalMs: 0, timeoutMs: 0 },
  };
}

export function helperPort({ tls }: Spec): number {
  return tls.plain ? CONTAINER_PORTS.plain : CONTAINER_PORTS.tls;
}

/**
 * It reads /data/dump.rdb, evicts nothing and writes nothing. The user's own file may load modules whose values it holds.
 * With the plain port closed no key goes unencrypted.
 */
export function helperConf(spec: Spec): string {
  return `include ${USER_CONF_FILE}
aclfile ${USERS_FILE}
port ${spec.tls.plain ? CONTAINER_PORTS.plain : 0}
dir /data
dbfilename dump.rdb
cluster-enabled no
appendonly no
save ""
maxmemory 0
maxmemory-policy noeviction
${spec.tls.plain ? '' : tlsPort(spec)}`;
}

/**
 * An address for it: the highest free one of those that are no node's, as the engine gives out the lowest. undefined where
 * there is none.
 */
export function helperAddress(
  { network }: Spec,
  containers: readonly Pick<Container, 'addresses'>[],
): string | undefined {
  const taken = new Set(containers.map(({ addresses }) => addresses[network.name]));
  const { network: first, broadcast: last } = network.automaticRange;
  const unusable = new Set([network.subnet.network, network.subnet.broadcast, network.gateway]);
  for (let address = toNumber(last); address >= toNumber(first); address -= 1) {
    const text = toAddress(address);
    if (!taken.has(text) && !unusable.has(text)) return text;
  }
  return undefined;
}
