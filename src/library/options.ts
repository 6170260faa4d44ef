import * as z from 'zod';
import { StackError } from '../errors.ts';
import { hint, run } from '../hint.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { specSchema, SpecDocument } from '../spec/schema.ts';

const schema = z.strictObject({
  nodes: z.int('must be a whole number').min(3, 'must be 3 or more').max(500, 'must be 500 or less').default(3),
  replicas: z.int('must be a whole number').min(0, 'must be 0 or more').max(5, 'must be 5 or less').default(0),
  image: z.string('must be the name of an image').min(1, 'must be the name of an image').default('redis:7-alpine'),
  tls: z.boolean('must be true or false').default(false),
  persistence: z.boolean('must be true or false').default(false),
  nodeTimeoutMs: z
    .int('must be whole milliseconds')
    .min(100, 'must be 100 or more')
    .max(600_000, 'must be 600000 or less')
    .default(5000),
  config: z.string('must be the text of a redis.conf').default(''),
  reuse: z.boolean('must be true or false').default(false),
  host: z.string("must be an engine's address, as in DOCKER_HOST").min(1).optional(),
  timeoutMs: z.number('must be milliseconds').positive('must be above 0').default(60_000),
  signal: z.instanceof(AbortSignal).default(() => new AbortController().signal),
});

export type Choice = z.output<typeof schema>;

/** @throws StackError USAGE with everything that is wrong */
export function parseOptions(options: ClusterOptions): Choice {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw new StackError('USAGE', {
    message: 'these options make no cluster; nothing was started',
    details: result.error.issues.map(({ path, message }) => [...path, message].join(': ')),
    hint: hint`Correct them: ${run('run --help')}   # for the library, the type ClusterOptions says what each may be`,
  });
}

/** Where an isolated cluster lives. */
export interface Place {
  /** `10.87.3`: the first three numbers of each address. */
  readonly prefix: string;
  readonly ports: readonly number[];
}

/** A stack file like a person's, so that every command works on the cluster: `-f` with its path. */
export function documentOf(name: string, choice: Choice, { prefix, ports }: Place): z.input<typeof specSchema> {
  const count = choice.nodes * (choice.replicas + 1);
  const [first = 0] = ports;
  const nodes = Array.from({ length: count }, (_, index): [string, SpecDocument['redis']['nodes'][string]] => {
    const [plain = first, tls = first] = ports.slice(index * PORTS_PER_NODE);
    return [`redis-${index + 1}`, { ip: `${prefix}.${index + 2}`, ports: { plain, tls } }];
  });
  return {
    name,
    network: { name, subnet: `${prefix}.0/24` },
    redis: {
      image: choice.image,
      replicas: choice.replicas,
      config: 'redis.conf',
      persistence: { appendonly: choice.persistence },
      nodeTimeoutMs: choice.nodeTimeoutMs,
      restartPolicy: 'no',
      nodes: Object.fromEntries(nodes),
    },
    tls: { enabled: choice.tls },
  };
}

export const PORTS_PER_NODE = 2;

/** Without persistence nothing is written at all. What the user's lines say comes later, and counts. */
export function configOf({ persistence, config }: Choice): string {
  return `${persistence ? '' : 'save ""\n'}${config}\n`;
}
