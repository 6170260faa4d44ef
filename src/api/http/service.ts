import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Observer } from '../../stack/observe/observer.ts';
import type { Page } from './build-page.ts';
import { admit, type Admission } from './guard.ts';
import { inspectionRoutes } from '../inspection/inspection-routes.ts';
import { startLiveFeed } from '../inspection/live-feed.ts';
import type { Hello } from '../inspection/live-state.ts';
import { OPEN_API, withSchemas } from './open-api.ts';
import { ProblemError } from './problem.ts';
import { parseQuery } from './query.ts';
import { rememberTexts } from '../inspection/remember.ts';
import { LONGEST_HEAD_BYTES, refuseUnreadable, sendProblem } from './send-problem.ts';

export interface ServiceOptions extends Admission {
  readonly observer: Observer;
  readonly page: Page;
  readonly snippets: () => Hello['snippets'];
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
  const { observer, page, snippets } = options;
  const app = Fastify({
    http: { maxHeaderSize: LONGEST_HEAD_BYTES },
    routerOptions: { querystringParser: parseQuery, maxParamLength: 255 },
    frameworkErrors: (error, request, reply) =>
      void sendProblem(reply.headers(HEADERS), refusalOf(request, options) ?? error),
    clientErrorHandler: refuseUnreadable,
    // What is under way has its answer first; who only keeps a connection has none to wait for.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(rememberTexts(serializerCompiler));
  app.setErrorHandler((error: FastifyError, _request, reply) => sendProblem(reply, error));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new ProblemError(404, `there is nothing at ${request.url.split('?', 1)[0] ?? ''}`, { hint: 'GET /docs' }),
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

  const feed = startLiveFeed(observer, () => ({ build: page.build, snippets: snippets() }));
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
