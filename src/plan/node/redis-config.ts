import { createHash } from 'node:crypto';
import { bootstrapTable, type BootstrapNode } from '../../cluster/nodes/bootstrap-table.ts';
import { CONTAINER_PORTS, openPorts, peerKind } from '../../spec/ports.ts';
import { primariesOf, type NodeSpec, type Spec } from '../../spec/spec.ts';
import { initialNodeId } from '../model/names.ts';
import type { FileStat } from '../model/resources.ts';

/** A volume that goes with its container; all else that Redis writes is below /data. */
export const CONFIG_VOLUME = '/etc/redis';
/** Below it: an engine gives an owner to what it unpacks there, and not to the volume itself. */
export const CONFIG_FOLDER = `${CONFIG_VOLUME}/node`;
export const REDIS_CONF_FILE = `${CONFIG_FOLDER}/redis.conf`;
/** The user's own redis.conf. */
export const USER_CONF_FILE = `${CONFIG_FOLDER}/user.conf`;
export const PASSWORD_FILE = `${CONFIG_FOLDER}/password`;
/** Who gave the node its password, and where he keeps it. */
export const KEEPER_FILE = `${CONFIG_FOLDER}/password.keeper`;
export const NODE_TABLE_FILE = '/data/nodes.conf';

/** Who may log in, by the SHA-256 of his passwords. It lies with the data: users that a person made outlast the container. */
export const USERS_FILE = '/data/users.acl';
/** Where it was in containers of an earlier version of this program. */
export const FORMER_USERS_FILE = `${CONFIG_FOLDER}/users.acl`;
/** The password with which a replica logs in at its primary. */
export const SECRET_FILE = `${CONFIG_FOLDER}/secret.conf`;
export const TLS_FOLDER = `${CONFIG_FOLDER}/tls`;
export const AUTHORITY_FILE = `${TLS_FOLDER}/ca.crt`;
/** Who has the key of the stack's own authority, and where. */
export const AUTHORITY_KEEPER_FILE = `${TLS_FOLDER}/ca.keeper`;
/** Key and certificates in one file, so that no half of them can be old. */
export const CERTIFICATE_FILE = `${TLS_FOLDER}/node.pem`;

/**
 * A node's redis.conf. It holds no secret: those stand in files beside it. The user's own file is read first, so that
 * what is decided here stays decided.
 */
export function redisConf(spec: Spec, node: NodeSpec): string {
  const { access, redis, tls } = spec;
  return `# Written by manage.ts from the YAML file. The next \`up\` writes it anew.
include ${USER_CONF_FILE}
include ${SECRET_FILE}
aclfile ${USERS_FILE}
port ${tls.plain ? CONTAINER_PORTS.plain : 0}
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
cluster-announce-ip ${node.announced.ip}
${announcedPorts(spec, node)}${access === 'names' ? `cluster-announce-hostname ${node.name}\ncluster-preferred-endpoint-type hostname\n` : ''}# A primary that gives away its last slot stays a primary.
cluster-allow-replica-migration no
# A fresh replica has its copy about four seconds sooner.
repl-diskless-sync-delay 0
${tlsConf(spec)}`;
}

/** Where they aren't those on which it listens. One alone would be taken for another. */
function announcedPorts(spec: Spec, { announced: { plain, tls, busPort } }: NodeSpec): string {
  if (spec.network.announce === undefined) return '';
  const lines = { plain: `port ${plain}`, tls: `tls-port ${tls}`, bus: `bus-port ${busPort}` };
  return openPorts(spec)
    .map((kind) => `cluster-announce-${lines[kind]}\n`)
    .join('');
}

function tlsConf({ tls }: Spec): string {
  const bus = tls.isPlainBusRefused ? 'cluster-bus-port-protected-mode no\n' : '';
  if (!tls.enabled) return bus;
  if (!tls.cluster) return tlsPort({ tls }) + bus;
  return `${tlsPort({ tls })}tls-cluster yes
tls-replication yes
# It would be the TLS port and 10000 otherwise.
cluster-port ${CONTAINER_PORTS.bus}
`;
}

export function tlsPort({ tls }: Pick<Spec, 'tls'>): string {
  return `tls-port ${CONTAINER_PORTS.tls}
tls-cert-file ${CERTIFICATE_FILE}
tls-key-file ${CERTIFICATE_FILE}
tls-ca-cert-file ${AUTHORITY_FILE}
tls-auth-clients ${tls.clientAuth}
tls-protocols "TLSv1.2 TLSv1.3"
`;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/**
 * The ACL file: the user default with all of `passwordHashes`, and the container's health check, which has no password
 * and can see nothing. A file of its own, so that CONFIG REWRITE leaves it alone.
 *
 * @param others the lines of users that a person made
 */
export function usersAcl(passwordHashes: readonly string[], others: readonly string[] = []): string {
  return `user default on ${passwordHashes.map((hash) => `#${hash}`).join(' ')} ~* &* +@all
user health on nopass resetkeys resetchannels -@all +ping +cluster|info
${others.map((line) => `${line}\n`).join('')}`;
}

/** Those lines of an ACL file, or of ACL LIST, that are not this program's own. */
export function otherUsers(lines: readonly string[]): string[] {
  return lines.filter((line) => /^user (?!(default|health)( |$))/.test(line));
}

/**
 * The time that a file of this text is given, made from the text: who sees the time and the size knows that nobody has
 * written it since. Any other writer leaves the time of his own writing. In whole seconds, as a tar archive holds them.
 */
export function stampOf(text: string): number {
  const seconds = createHash('sha256').update(text).digest().readUInt32BE() % STAMPS;
  return (FIRST_STAMP_SECONDS + seconds) * 1000;
}

/** Whether a file is one of this text that was stamped, and that nobody has written since. */
export function isStamped(file: FileStat | undefined, text: string): boolean {
  return file?.sizeBytes === Buffer.byteLength(text) && file.changedAtMs === stampOf(text);
}

/** The year 2000. */
const FIRST_STAMP_SECONDS = 946_684_800;
/** Eight years of seconds: all of them are past. */
const STAMPS = 2 ** 28;

/** SHA-256 in hexadecimal digits: how Redis's ACL keeps a password. */
export function passwordHash(password: string): string {
  return createHash('sha256').update(password, 'utf8').digest('hex');
}

/** masterauth with any password, as a Redis configuration string: quoted, bytes escaped. */
export function secretConf(password: string): string {
  const quoted = `"${[...Buffer.from(password, 'utf8')].map(escapedByte).join('')}"`;
  return `masterauth ${quoted}\n`;
}

function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[a-zA-Z0-9_.-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** The nodes.conf with which `node` enters a new cluster. */
export function initialNodeTable(spec: Spec, node: NodeSpec): string {
  const primaries = primariesOf(spec);
  const { enabled, plain, cluster } = spec.tls;
  const nodes = spec.nodes.map(({ name, announced, initialPrimary }): BootstrapNode => ({
    id: initialNodeId(spec.name, name),
    ip: announced.ip,
    port: announced[peerKind(spec)],
    otherPort: cluster ? `tcp-port=${plain ? announced.plain : 0}` : `tls-port=${enabled ? announced.tls : 0}`,
    busPort: announced.busPort,
    shard: primaries.findIndex((primary) => primary.name === (initialPrimary ?? name)),
  }));
  return bootstrapTable(nodes, primaries.length, spec.nodes.indexOf(node));
}

const APPENDONLY_LINE = /^[ \t]*appendonly[ \t]+"?(yes|no)"?[ \t]*$/gim;

/** With which setting a node of this redis.conf starts; undefined where it doesn't say. The last line counts. */
export function writtenAppendonly(conf: string): boolean | undefined {
  const value = [...conf.matchAll(APPENDONLY_LINE)].at(-1)?.[1];
  return value === undefined ? undefined : value.toLowerCase() === 'yes';
}

/** The same redis.conf with another setting. */
export function withAppendonly(conf: string, appendonly: boolean): string {
  const line = `appendonly ${appendonly ? 'yes' : 'no'}`;
  return writtenAppendonly(conf) === undefined ? `${conf}\n${line}\n` : conf.replaceAll(APPENDONLY_LINE, line);
}
