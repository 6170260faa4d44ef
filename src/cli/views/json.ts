import * as z from 'zod';
import { FAILURE_CODES } from '../../errors.ts';

/** What `--json` prints, described for programs that read it: `npm run schema` writes infra/json/ from here. */

const port = z.int().min(1).max(65_535);
const slots = z.int().min(0).max(16_383);

const node = z.object({
  name: z.string(),
  id: z.string().regex(/^[0-9a-f]{40}$/),
  role: z.enum(['primary', 'replica']),
  primaryId: z.string().optional().describe('Of a replica: the id of its primary.'),
  slots: z
    .array(z.object({ start: slots, end: slots }))
    .readonly()
    .describe('Both ends included.'),
  clusterState: z.string().describe('cluster_state of CLUSTER INFO.'),
  keyCount: z.int(),
  usedMemoryBytes: z.int(),
  redisVersion: z.string().optional(),
  address: z.string().describe('In the network: 172.20.0.13:6379.'),
  host: z.string().describe('Where clients on this host reach the node.'),
  ports: z.object({ plain: port, tls: port, bus: port.optional() }).optional(),
});

const up = z
  .object({
    stack: z.string(),
    changes: z.int().min(0).describe('Actions that were carried out; 0 when all was as the YAML file says.'),
    elapsedMs: z.int().min(0),
    image: z.object({
      reference: z.string(),
      id: z.string(),
      server: z.enum(['redis', 'valkey']).describe('How its programs are called: redis-server, valkey-cli.'),
      isStandIn: z.boolean().describe('The local image stands in for the one that the YAML file names.'),
    }),
    engine: z.object({
      address: z.string().describe('As DOCKER_HOST writes it.'),
      source: z.string().describe('Why this one.'),
      publishedHost: z.string().describe("The host at which the engine's published ports answer."),
    }),
    reach: z
      .enum(['direct', 'map', 'proxy', 'names'])
      .describe("How clients on this host come to the nodes: at the nodes' own addresses, or as access says."),
    nodes: z.array(node),
    proxy: z
      .object({
        addresses: z.array(z.string()).describe('Where it listens: 127.0.0.1:6379.'),
        pid: z.int(),
        version: z.string(),
        connections: z.int().min(0),
        uptimeSeconds: z.int().min(0),
      })
      .optional()
      .describe('With access: proxy.'),
  })
  .describe('What `up --json` prints when the cluster is verified.');

const error = z
  .object({
    error: z.object({
      code: z.enum([...FAILURE_CODES, 'BUG']),
      message: z.string().describe('What failed, on which resource.'),
      hint: z.string().optional().describe('The next command to type, or what to change.'),
      details: z.array(z.string()).readonly().optional().describe('More lines of the same failure.'),
    }),
  })
  .describe('What every command prints with `--json` when it fails.');

export type UpJson = z.infer<typeof up>;
export type ProxyJson = NonNullable<UpJson['proxy']>;
export type NodeJson = z.infer<typeof node>;

export const JSON_OUTPUTS = { up, error };
