import * as z from 'zod';
import { isAddress, parseBlock } from './addresses.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

const BYTE_SIZE_PATTERN = /^(\d+)(b|[kmg]b?)?$/i;

/** Bytes from `512mb`, `1g`, `1048576`: powers of 1024, as Redis reads `kb`, `mb` and `gb`. NaN for anything else. */
export function parseByteSize(text: string): number {
  const match = BYTE_SIZE_PATTERN.exec(text);
  if (match === null) return Number.NaN;
  const unit = (match[2] ?? '').toLowerCase().slice(0, 1);
  return Number(match[1]) * (UNITS[unit] ?? Number.NaN);
}

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower case letters, digits and -, a letter first, 31 at most');
const address = z.string().refine(isAddress, 'must be an IPv4 address, like 172.20.0.13').meta({ format: 'ipv4' });
const port = z.int().min(1).max(65535);
const byteSize = z.string().regex(BYTE_SIZE_PATTERN, 'must be a size, like 512mb or 1g');

const vaultPath = z
  .string()
  .regex(/^[^/\s]+(\/[^/\s]+)*$/, 'must be like team/redis, without a slash at either end')
  .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or ..');

const ports = z
  .strictObject({
    plain: port.describe('Host port of 6379, plain Redis.'),
    tls: port.describe('Host port of 6380, Redis over TLS.'),
    bus: port
      .optional()
      .describe('Host port of 16379, the cluster bus. Needed with network.announce: host; by default it has none.'),
  })
  .describe('Host ports. Inside its container every node listens on 6379, 6380 and 16379.');

const node = z.strictObject({
  ip: address.describe('The fixed address of the node, inside network.subnet.'),
  ports,
  host: name.optional().describe('Which of hosts it runs on.'),
});

const host = z.strictObject({
  engine: z
    .string()
    .regex(/^(unix|npipe|tcp|http|https|ssh):\/\/[^\s]+$/, 'must be like ssh://me@a.example or tcp://a.example:2376')
    .describe('Where its engine answers, as DOCKER_HOST writes it.'),
  address: address.describe("The host's own address, at which its nodes are published: clients find them there."),
  tls: z
    .string()
    .min(1)
    .optional()
    .describe('A folder with ca.pem, cert.pem and key.pem for its engine, relative to this file.'),
});

const persistence = z
  .strictObject({
    appendonly: z.boolean().default(true).describe('Write every change to the append-only file.'),
    appendfsync: z.enum(['always', 'everysec', 'no']).default('everysec'),
  })
  .prefault({});

const redis = z.strictObject({
  image: z.string().min(1).default('redis:7-alpine').describe('Any Redis 6.2 or later, or Valkey.'),
  replicas: z.int().min(0).max(5).default(0).describe('Replicas of each primary. 1 with six nodes is 3 + 3.'),
  config: z.string().min(1).optional().describe('A redis.conf of your own, relative to this file.'),
  bind: address.default('127.0.0.1').describe('The host address on which the ports are published.'),
  memory: byteSize.default('512mb').describe('Memory limit of each container.'),
  cpus: z.number().min(0.01).max(1024).default(1).describe('CPU limit of each container.'),
  maxmemory: byteSize.default('256mb').describe('Memory that Redis may use for data.'),
  maxmemoryPolicy: z
    .enum([
      'noeviction',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
    ])
    .default('allkeys-lru')
    .describe('What Redis evicts when maxmemory is reached.'),
  persistence,
  nodeTimeoutMs: z.int().min(100).max(600_000).default(5000).describe('cluster-node-timeout, in milliseconds.'),
  requireFullCoverage: z.boolean().default(false).describe('Refuse all keys while any slot has no owner.'),
  restartPolicy: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).default('unless-stopped'),
  nodes: z.record(name, node).describe('The nodes, primaries first.'),
});

const network = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'must be letters, digits, _, . and -')
    .default('dev-services'),
  subnet: z
    .string()
    .refine((text) => parseBlock(text) !== undefined, 'must be an IPv4 subnet, like 172.20.0.0/16')
    .describe('IPv4, in CIDR notation. Must overlap no other network of the engine.'),
  gateway: address.optional().describe("The engine's own address. By default the first of the subnet."),
  driver: z
    .enum(['bridge', 'overlay'])
    .default('bridge')
    .describe('overlay, where the nodes are on several hosts that are of one Docker Swarm.'),
  announce: z
    .literal('host')
    .optional()
    .describe("Several hosts without a swarm: each node announces its host's address and its host ports."),
});

const shared = z
  .string()
  .min(1)
  .optional()
  .describe(
    'A folder for what is made here (password, certificate authority) that all who operate the stack share, relative to this file.',
  );

const generatedSecrets = z.strictObject({
  provider: z.literal('generated').default('generated').describe('A random password, made on first use.'),
  file: z.string().min(1).optional().describe('Where the password is kept, relative to this file.'),
  shared,
});

const vaultAuth = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: z.literal('token').default('token').describe('VAULT_TOKEN, or what `vault login` left.'),
      tokenFile: z.string().min(1).optional().describe('By default VAULT_TOKEN, then ~/.vault-token.'),
    }),
    z.strictObject({
      method: z.literal('approle'),
      folder: z
        .string()
        .min(1)
        .describe('Holds the files role-id and secret-id. Relative to this file; ~ is your home.'),
      mount: vaultPath.default('approle'),
    }),
  ])
  .prefault({});

const VAULT_ADDRESS = 'must be like https://vault.example:8200, without a path or a password';

const vaultSecrets = z.strictObject({
  provider: z.literal('vault').describe('A secret in HashiCorp Vault or OpenBao, KV version 1 or 2.'),
  address: z
    .string()
    .regex(/^https?:\/\/[^/@?#\s]+\/?$/, { error: VAULT_ADDRESS, abort: true })
    .refine((text) => URL.canParse(text), VAULT_ADDRESS)
    .optional()
    .describe('By default VAULT_ADDR.'),
  mount: vaultPath.default('secret').describe('Where the KV engine is mounted.'),
  path: vaultPath.describe('The path of the secret below the mount.'),
  field: z.string().min(1).default('password').describe('The field that holds the password.'),
  auth: vaultAuth,
  namespace: z.string().min(1).optional().describe('By default VAULT_NAMESPACE.'),
  caFile: z.string().min(1).optional().describe("PEM of Vault's certificate authority. By default VAULT_CACERT."),
  shared,
});

const secrets = z.discriminatedUnion('provider', [generatedSecrets, vaultSecrets]).prefault({});

const everyTls = {
  enabled: z.boolean().optional().describe('By default what tls_enabled in the Vault secret says, else true.'),
  plain: z.boolean().default(true).describe('Keep 6379 open beside 6380.'),
  clientAuth: z
    .enum(['no', 'optional', 'yes'])
    .default('no')
    .describe('Whether a client has to show a certificate of the same authority.'),
  cluster: z
    .boolean()
    .optional()
    .describe('Encrypt the cluster bus and replication too. By default where TLS is on, from Redis 7.0.'),
};
const validityDays = z.int().min(1).max(3650);

const tls = z
  .discriminatedUnion('issuer', [
    z.strictObject({
      issuer: z
        .literal('private')
        .default('private')
        .describe('A certificate authority of this stack, made on first use.'),
      ...everyTls,
      validityDays: validityDays.default(90).describe("Days that a node's certificate is valid."),
    }),
    z.strictObject({
      issuer: z.literal('vault').describe('The PKI engine of the Vault that holds the password.'),
      ...everyTls,
      mount: vaultPath.default('pki'),
      role: z.string().min(1),
      ca: z
        .string()
        .min(1)
        .optional()
        .describe("PEM of the root authority, where Vault's own chain doesn't reach up to it."),
      validityDays: validityDays.optional().describe("By default the role's own."),
    }),
    z.strictObject({
      issuer: z
        .literal('files')
        .describe('PEM files of your own, relative to this file; {node} is the name of the node.'),
      ...everyTls,
      ca: z.string().min(1),
      certificate: z.string().min(1),
      key: z.string().min(1),
      clientCertificate: z.string().min(1).optional().describe('With which this program shows itself to the nodes.'),
      clientKey: z.string().min(1).optional(),
    }),
  ])
  .prefault({});

/** The YAML file as a person writes it. `infra/dev-services.schema.json` is generated from it. */
export const specSchema = z
  .strictObject({
    name: name.describe('Prefix of all that is made: <name>-redis-1, volume <name>-redis-1-data.'),
    access: z
      .enum(['map', 'proxy', 'names'])
      .default('map')
      .describe('How clients on this host reach the nodes: by a map, through a proxy, or by name.'),
    network,
    hosts: z
      .record(name, host)
      .optional()
      .describe('Several Docker hosts, by names of your own; without it, all nodes are on the engine that is found.'),
    redis,
    secrets,
    tls,
  })
  .describe('A Redis Cluster on the local container engine.')
  .meta({ patternProperties: { '^x-': {} } });

export type SpecDocument = z.output<typeof specSchema>;

/** A path into the document, as zod writes it. */
export type Path = readonly PropertyKey[];

export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}
