import { bootstrapTable, type BootstrapNode } from '../cluster/bootstrap-table.ts';
import { CONTAINER_PORTS, primariesOf, type NodeSpec, type Spec } from '../spec/spec.ts';
import { initialNodeId } from './names.ts';

export const CONFIG_FOLDER = '/etc/redis';
export const PASSWORD_FILE = `${CONFIG_FOLDER}/password`;
export const NODE_TABLE_FILE = '/data/nodes.conf';

/**
 * A node's redis.conf. It holds no secret: the password stands in secret.conf beside it. The user's own file is read
 * first, so that what is decided here stays decided.
 */
export function redisConf({ redis }: Spec, node: NodeSpec): string {
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  return `# Written by manage.ts from the YAML file. The next \`up\` writes it anew.
include ${CONFIG_FOLDER}/user.conf
include ${CONFIG_FOLDER}/secret.conf
port ${CONTAINER_PORTS.plain}
dir /data
maxmemory ${redis.maxmemoryBytes}
maxmemory-policy ${redis.maxmemoryPolicy}
appendonly ${yesNo(redis.persistence.appendonly)}
appendfsync ${redis.persistence.appendfsync}
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout ${redis.nodeTimeoutMs}
cluster-require-full-coverage ${yesNo(redis.requireFullCoverage)}
# Without it a node whose address changed can stay lost after a full restart.
cluster-announce-ip ${node.ip}
# A primary that gives away its last slot stays a primary.
cluster-allow-replica-migration no
# A fresh replica has its copy about four seconds sooner.
repl-diskless-sync-delay 0
# The container's health check: no password, and nothing to see with it.
user health on nopass resetkeys resetchannels -@all +ping +cluster|info
`;
}

/** requirepass and masterauth with any password, as a Redis configuration string: quoted, bytes escaped. */
export function secretConf(password: string): string {
  const quoted = `"${[...Buffer.from(password, 'utf8')].map(escapedByte).join('')}"`;
  return `requirepass ${quoted}\nmasterauth ${quoted}\n`;
}

function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[a-zA-Z0-9_.-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** The nodes.conf with which `node` enters a new cluster. */
export function initialNodeTable(spec: Spec, node: NodeSpec): string {
  const primaries = primariesOf(spec);
  const nodes = spec.nodes.map(({ name, ip, initialPrimary }): BootstrapNode => ({
    id: initialNodeId(spec.name, name),
    ip,
    port: CONTAINER_PORTS.plain,
    busPort: CONTAINER_PORTS.bus,
    shard: primaries.findIndex((primary) => primary.name === (initialPrimary ?? name)),
  }));
  return bootstrapTable(nodes, primaries.length, spec.nodes.indexOf(node));
}
