import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { busAddress } from '../../cluster/nodes/node-table.ts';
import { SLOT_COUNT } from '../../cluster/slots/slots.ts';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import type { Observation, Observer } from '../../stack/commands/watch/observer.ts';
import { answering, clusterInfo, clusterNodes, keyOwner, nodeInfo, slotDistribution, triedOf } from './answers.ts';
import { renderMetrics } from './metrics.ts';
import { ProblemError } from '../http/problem.ts';
import { keyFrom } from '../http/query.ts';
import { ClusterInfo, ClusterNodes, Health, KeySlot, NodeInfo, Problem, SlotDistribution } from './schemas.ts';

interface RouteOptions {
  readonly observer: Observer;
}

const problem = (description: string): { description: string; content: object } => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
});
const refusedToAll = {
  403: problem('Another origin asks'),
  421: problem('The service is asked under a name that is not its own'),
  default: problem(
    'What HTTP itself refuses: another method (405), a head of more than a MiB (414, 431), no HTTP (400)',
  ),
};
const refused = { 401: problem('The service asks for its token'), ...refusedToAll };
const unavailable = { 503: problem('The engine or the nodes do not answer, with what was tried') };

/** The five of the document, and what watches over them. */
export const inspectionRoutes: FastifyPluginAsyncZod<RouteOptions> = async (app, { observer }) => {
  const { observe } = observer;
  app.get(
    '/redis-cluster/info',
    {
      schema: {
        tags: ['cluster'],
        operationId: 'getClusterInfo',
        summary: 'CLUSTER INFO, of the node in the worst state',
        response: { 200: ClusterInfo, ...refused, ...unavailable },
      },
    },
    async () => clusterInfo(await observe()),
  );
  app.get(
    '/redis-cluster/nodes',
    {
      schema: {
        tags: ['cluster'],
        operationId: 'getClusterNodes',
        summary: 'Every node, in the order of the YAML file, whether it answers or not',
        response: { 200: ClusterNodes, ...refused, ...unavailable },
      },
    },
    async () => clusterNodes(await observe()),
  );
  app.get(
    '/redis-cluster/node/:node',
    {
      schema: {
        tags: ['cluster'],
        operationId: 'getNode',
        summary: 'INFO of one node',
        params: z.object({
          node: z
            .string()
            .min(1)
            .meta({
              description: 'Its address with the plain or the TLS port, or its name',
              examples: ['172.20.0.13:6379', 'redis-1'],
            }),
        }),
        response: {
          200: NodeInfo,
          ...refused,
          404: problem('There is no such node'),
          414: problem('That is longer than any name'),
          422: problem('A parameter is invalid'),
          ...unavailable,
        },
      },
    },
    async ({ params }) => nodeInfo(await observe(), params.node),
  );
  app.get(
    '/redis-cluster/slots',
    {
      schema: {
        tags: ['cluster'],
        operationId: 'getSlots',
        summary: 'Who owns which slots',
        response: { 200: SlotDistribution, ...refused, ...unavailable },
      },
    },
    async () => slotDistribution(await observe()),
  );
  app.get(
    '/redis-cluster/key-slot',
    {
      schema: {
        tags: ['cluster'],
        operationId: 'getKeySlot',
        summary: 'The slot of a key, and who owns it',
        querystring: z.object({
          key: z.string().meta({
            description:
              'Any bytes, percent-encoded, 8 KiB at most; it may be empty. The slot of `a{b}c` is that of `b`.',
            examples: ['user:1000'],
          }),
        }),
        response: {
          200: KeySlot,
          ...refused,
          414: problem('The key is longer than 8 KiB'),
          422: problem('A parameter is invalid'),
          ...unavailable,
        },
      },
    },
    async ({ query }) => {
      const key = keyFrom(query.key);
      return keyOwner(await observe(), key);
    },
  );
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['service'],
        operationId: 'getHealth',
        summary: 'Whether this service runs',
        security: [],
        response: { 200: Health, ...refusedToAll },
      },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags: ['service'],
        operationId: 'getReadiness',
        summary: 'Whether the cluster serves every slot',
        response: { 200: Health, ...refused, 503: problem('It does not, with the reasons') },
      },
    },
    async () => {
      requireReady(await observe());
      return { status: 'ok' as const };
    },
  );
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['service'],
        operationId: 'getMetrics',
        summary: 'For Prometheus; redis_cluster_up is 0 where no node answers',
        response: {
          200: { description: 'The text format', content: { 'text/plain': { schema: z.string() } } },
          ...refused,
        },
      },
    },
    async (_, reply) => {
      const observation = await observe().catch((error: unknown) => {
        if (error instanceof StackError) return undefined;
        throw error;
      });
      return reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .send(await renderMetrics(observer.session().spec.name, observation));
    },
  );
};

/** A replica that is away takes no slot with it. @throws ProblemError 503 */
function requireReady(observation: Observation): void {
  const views = answering(observation);
  const info = clusterInfo(observation);
  const answeringIds = new Set(views.map(({ table }) => table.myself.id));
  const addresses = new Set(observation.nodes.map(({ node }) => busAddress(node.announced)));
  // Of a node that isn't in the YAML file, only the others can say whether it is well.
  const isOwnerAbsent = views
    .flatMap(({ table }) => table.rows)
    .some(
      (row) =>
        row.slots.length > 0 &&
        !answeringIds.has(row.id) &&
        (addresses.has(busAddress(row)) || row.flags.has('fail') || row.flags.has('fail?')),
    );
  if (info.cluster_state === 'ok' && info.cluster_slots_ok === SLOT_COUNT && !isOwnerAbsent) return;
  throw new ProblemError(503, 'the cluster does not serve every slot', {
    code: 'CLUSTER_UNHEALTHY',
    hint: run('cluster check'),
    tried: [
      ...triedOf(observation),
      ...observation.findings.filter(({ kind }) => kind !== 'no answer').map(({ text }) => text),
    ],
  });
}
