import { z } from 'zod';
import { isAddress, parseBlock } from './addresses.ts';
import { BYTE_SIZE_PATTERN } from './byte-size.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower case letters, digits and -, a letter first, 31 at most');
const address = z.string().refine(isAddress, 'must be an IPv4 address, like 172.20.0.13').meta({ format: 'ipv4' });
const port = z.int().min(1).max(65535);
const byteSize = z.string().regex(BYTE_SIZE_PATTERN, 'must be a size, like 512mb or 1g');

const ports = z
  .strictObject({
    plain: port.describe('Host port of 6379, plain Redis.'),
    tls: port.describe('Host port of 6380, Redis over TLS.'),
    bus: port.describe('Host port of 16379, the cluster bus.'),
  })
  .describe('Host ports. Inside its container every node listens on 6379, 6380 and 16379.');

const node = z.strictObject({
  ip: address.describe('The fixed address of the node, inside network.subnet.'),
  ports,
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
});

const secrets = z
  .strictObject({
    provider: z.literal('generated').default('generated').describe('A random password, made on first use.'),
    file: z.string().min(1).optional().describe('Where the password is kept, relative to this file.'),
  })
  .prefault({});

/** The YAML file as a person writes it. `infra/dev-services.schema.json` is generated from it. */
export const specSchema = z
  .strictObject({
    name: name.describe('Prefix of all that is made: <name>-redis-1, volume <name>-redis-1-data.'),
    network,
    redis,
    secrets,
  })
  .describe('A Redis Cluster on the local container engine.');

export type SpecDocument = z.output<typeof specSchema>;
