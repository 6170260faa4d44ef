import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import type { RenderHint } from '../../hint.ts';
import type { Observer } from '../../stack/commands/watch/observer.ts';
import type { Page } from './build-page.ts';
import { admit, type Admission } from './guard.ts';
import { inspectionRoutes } from '../inspection/inspection-routes.ts';
import { startLiveFeed } from '../inspection/live-feed.ts';
import type { Hello } from '../inspection/live-state.ts';
import { LONGEST_HEAD_BYTES, ProblemError, refuseUnreadable, sendProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import { rememberTexts } from '../inspection/remember.ts';

interface ServiceOptions extends Admission {
  readonly observer: Observer;
  readonly page: Page;
  readonly connect: () => Pick<Hello, 'reach' | 'snippets'>;
  readonly renderHint: RenderHint;
}

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': PAGE_POLICY,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
/** Swagger UI colours its examples with styles of their own. */
const DOCS_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");

/** Longer than any answer takes, and shorter than the time that a process has to end itself. */
const LONGEST_GOODBYE_MS = 4500;

/** The whole service, which listens nowhere yet. Nothing in it changes anything. */
export async function buildService(options: ServiceOptions): Promise<FastifyInstance> {
  const { observer, page, connect, renderHint } = options;
  const app = Fastify({
    http: { maxHeaderSize: LONGEST_HEAD_BYTES },
    routerOptions: { querystringParser: parseQuery, maxParamLength: 255 },
    frameworkErrors: (error, request, reply) =>
      void sendProblem(reply.headers(HEADERS), refusalOf(request, options) ?? error, renderHint),
    clientErrorHandler: refuseUnreadable,
    // What is under way has its answer first; who only keeps a connection has none to wait for.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(rememberTexts(serializerCompiler));
  app.setErrorHandler((error: FastifyError, _request, reply) => sendProblem(reply, error, renderHint));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new ProblemError(404, `there is nothing at ${request.url.split('?', 1)[0] ?? ''}`, { hint: 'GET /docs' }),
      renderHint,
    ),
  );
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    admit(request, options);
  });

  await app.register(swagger, {
    openapi: OPEN_API,
    transform: jsonSchemaTransform,
    transformObject: withSchemas,
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY, uiConfig: { validatorUrl: null } });
  await app.register(inspectionRoutes, { observer });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  addPage(app, page);

  const feed = startLiveFeed(observer, () => ({ build: page.build, ...connect() }), renderHint);
  app.get('/events', { schema: { hide: true }, exposeHeadRoute: false }, (_, reply) =>
    reply.type('text/event-stream').send(feed.subscribe()),
  );
  app.addHook('preClose', async () => {
    feed.close();
    // Who sends half a request, or doesn't read an answer, keeps nobody waiting.
    setTimeout(() => app.server.closeAllConnections(), LONGEST_GOODBYE_MS).unref();
  });
  app.addHook('onClose', async () => observer.close());
  return app;
}

/** For requests that never come to the hooks. */
function refusalOf(request: FastifyRequest, admission: Admission): ProblemError | undefined {
  try {
    admit(request, admission);
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
}

function addPage(app: FastifyInstance, { html, script, style }: Page): void {
  const files: [path: string, type: string, content: string][] = [
    ['/', 'text/html; charset=utf-8', html],
    ['/page/app.js', 'text/javascript; charset=utf-8', script],
    ['/page/app.css', 'text/css; charset=utf-8', style],
  ];
  for (const [path, type, content] of files) {
    app.get(path, { schema: { hide: true } }, (_, reply) => reply.type(type).send(content));
  }
}

/** What the OpenAPI document says of the service as a whole; the rest comes from the routes' schemas. */
const OPEN_API: NonNullable<FastifyDynamicSwaggerOptions['openapi']> = {
  openapi: '3.1.0',
  info: {
    title: 'Redis Cluster inspection',
    version: '1.0.0',
    summary: 'What a local Redis Cluster is doing, read-only.',
    description:
      'All answers come from one look at the nodes, which began less than a second before. Errors are `application/problem+json` (RFC 9457). `GET /events` gives the same as server-sent events to the page at `/`.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'This service' }],
  tags: [
    { name: 'cluster', description: 'The cluster and its nodes' },
    { name: 'service', description: 'This service, for what watches over it' },
  ],
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'Only with --token-file' },
      password: {
        type: 'http',
        scheme: 'basic',
        description: 'The token as the password, with any name: for browsers',
      },
    },
  },
  security: [{}, { bearer: [] }, { password: [] }],
};

/** The library describes each schema a second time, for requests. None here has a body. */
const withSchemas: typeof jsonSchemaTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given);
  const schemas = ('components' in document && document.components?.schemas) || {};
  for (const name of Object.keys(schemas)) if (name.endsWith('Input')) Reflect.deleteProperty(schemas, name);
  return document;
};
