/** Whatever is asked, and whatever state the cluster is in: the OpenAPI document says what comes back, and it does. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../src/engine/docker.ts';
import { readSamples } from '../helpers/prometheus.ts';
import { sendBytes, startService, type RawAnswer, type RunningService } from '../helpers/service.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query'; readonly example?: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let stack: TestStack;
let service: RunningService;
let document: Document;
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
  service = await startService(stack);
  document = (await (await service.get('/openapi.json')).json()) as Document;
});
afterAll(async () => {
  await service.stop();
  await stack.remove();
});

const ajv = new Ajv2020({ strict: false });

/** Fails where an answer is none that the document has. */
function expectDescribed(path: string, { status, headers, body }: RawAnswer, isHead = false): void {
  const { responses } = document.paths[path]?.get ?? { responses: {} };
  const response = responses[status] ?? (status < 500 ? responses['default'] : undefined);
  expect(response, `${status} ${body}`).toBeDefined();
  // node:http itself answers where there is no Host, and where something unknown is expected: without a body.
  if (!headers.has('content-type') && [400, 417].includes(status)) return;
  const type = headers.get('content-type')?.split(';')[0] ?? 'none';
  const { schema } = response?.content[type] ?? {};
  expect(schema, `${status} ${type}`).toBeDefined();
  if (isHead || type === 'text/plain') return;
  const whole = { ...schema, components: document.components };
  expect(ajv.validate(whole, JSON.parse(body)), `${body} ${ajv.errorsText()}`).toBe(true);
}

/** Pieces of a request line and of headers that have broken other services. */
const piece = fc.oneof(
  fc.constantFrom(
    '%00',
    '%ff',
    '%',
    '%zz',
    '%2f',
    '%2e%2e/',
    '../',
    '/',
    '//',
    '\\',
    '?',
    '#',
    ';',
    '&',
    '=',
    '+',
    ':',
    '*',
    '{',
    '}',
    'redis-1',
    '6379',
    'key=',
    'node',
    '__proto__',
    'constructor',
    '%F0%9F%8E%89',
    "' OR 1=1",
    '<script>',
    '\u0000',
    '%0d%0aX: y',
    '\t',
    ' ',
    '\u00e9',
    'a'.repeat(300),
    '%41'.repeat(9000),
    '\u007f',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => encodeURIComponent(text)),
);
const hostile = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('').replaceAll(/[\r\n]/g, ''));
const benign = (example: string | undefined): fc.Arbitrary<string> => fc.constantFrom(example ?? 'a', 'redis-2');
const name = fc.constantFrom(
  'Origin',
  'Authorization',
  'Accept',
  'Content-Type',
  'Content-Length',
  'Transfer-Encoding',
  'If-None-Match',
  'X-Forwarded-Host',
  'X-Http-Method-Override',
  'Range',
  'Accept-Version',
  'Cookie',
  'Host',
  'Expect',
  'a b',
  '',
);
const header = fc.tuple(name, hostile).map((parts) => parts.join(': '));
const method = fc.oneof(
  { weight: 6, arbitrary: fc.constant('GET') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'FOO', 'get', ''),
  },
);

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
}

/** Any request for any path of the document, with what its parameters may be, and mostly with what they may not. */
function anyRequest(): fc.Arbitrary<Asked> {
  return fc.constantFrom(...Object.entries(document.paths)).chain(([path, { get }]) => {
    const parameters = get.parameters ?? [];
    const values = fc.record(
      Object.fromEntries(
        parameters.map((one) => [one.name, fc.array(fc.oneof(benign(one.example), hostile), { maxLength: 3 })]),
      ),
    );
    return fc
      .record({ method, values, more: fc.option(hostile), headers: fc.array(header, { maxLength: 3 }) })
      .map(({ values: given, more, ...rest }) => {
        let target = path;
        const query: string[] = more === null ? [] : [more];
        for (const parameter of parameters) {
          const all = given[parameter.name] ?? [];
          if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, () => all.join('/'));
          else query.push(...all.map((value) => `${parameter.name}=${value}`));
        }
        return { path, target: query.length === 0 ? target : `${target}?${query.join('&')}`, ...rest };
      });
  });
}

/** @returns every status that came */
async function expectEveryAnswerDescribed(
  allowed: (status: number) => boolean,
  numRuns: number,
): Promise<ReadonlySet<number>> {
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(anyRequest(), async ({ path, method: verb, target, headers }) => {
      const lines = [`${verb} ${target} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, 'Connection: close'];
      const answer = await sendBytes(service.port, `${lines.join('\r\n')}\r\n\r\n`);
      expect(allowed(answer.status), `${answer.status} ${answer.body}`).toBe(true);
      seen.add(answer.status);
      expectDescribed(path, answer, verb === 'HEAD');
    }),
    { numRuns },
  );
  // Whatever came, the service is as it was.
  expect((await service.get('/healthz')).status).toBe(200);
  return seen;
}

/** The status of each path of the document, asked as it is meant to be. Every answer is as it is described. */
async function statuses(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [path, { get }] of Object.entries(document.paths)) {
    let target = path;
    for (const one of get.parameters ?? []) {
      if (one.in === 'path') target = target.replace(`{${one.name}}`, 'redis-3');
      else target += `?${one.name}=user:1000`;
    }
    const answer = await service.get(target);
    found[path] = answer.status;
    const headers = new Map(answer.headers);
    expectDescribed(path, { status: answer.status, headers, body: await answer.text() });
  }
  return found;
}

const ALL_ANSWERED = {
  '/redis-cluster/info': 200,
  '/redis-cluster/nodes': 200,
  '/redis-cluster/node/{node}': 200,
  '/redis-cluster/slots': 200,
  '/redis-cluster/key-slot': 200,
  '/healthz': 200,
  '/readyz': 200,
  '/metrics': 200,
};

const isAnswer = (status: number): boolean => status >= 200 && status < 500;
const isAnswerOrAway = (status: number): boolean => isAnswer(status) || status === 503;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));

async function tried(path: string): Promise<string[]> {
  return ((await (await service.get(path)).json()) as { tried: string[] }).tried;
}

/** In this order, on one service, which is never started again. */
describe('a service', () => {
  test('of a cluster that is whole answers every path', async () => {
    expect(await statuses()).toEqual(ALL_ANSWERED);
  });

  test('never fails, whatever is asked', async () => {
    const seen = await expectEveryAnswerDescribed(isAnswer, 500);
    // Hostile, and not only so that nothing of it comes through.
    expect([...seen]).toEqual(expect.arrayContaining([200, 400, 405, 422]));
  });

  test('takes bytes that are no HTTP', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const { status } = await sendBytes(service.port, Buffer.concat([bytes, Buffer.from('\r\n\r\n\r\n')]));
        expect([0, 400]).toContain(status);
      }),
      { numRuns: 100 },
    );
    expect((await service.get('/healthz')).status).toBe(200);
  });

  test('with a node stopped still shows all of them, and says of that one that it does not answer', async () => {
    await stack.engine.stopContainer(stack.container(3), 10);
    await settle();
    expect(await statuses()).toEqual({ ...ALL_ANSWERED, '/redis-cluster/node/{node}': 503, '/readyz': 503 });
    const { nodes } = (await (await service.get('/redis-cluster/nodes')).json()) as { nodes: { slots: string }[] };
    expect(nodes.map(({ slots }) => slots)).toEqual(['0-5460', '5461-10922', '10923-16383']);
    expect(nodes[2]).toMatchObject({ id: expect.stringMatching(/^[\da-f]{40}$/), ip: stack.ips[2], role: 'master' });
    expect(await tried('/redis-cluster/node/redis-3')).toEqual([
      `redis-3 at 127.0.0.1:${stack.ports[4]}: its container is exited (exit code 0)`,
    ]);
    const samples = readSamples(await (await service.get('/metrics')).text());
    const up = samples.filter(({ name: metric }) => metric === 'redis_cluster_node_up').map(({ value }) => value);
    expect(up).toEqual([1, 1, 0]);
    await expectEveryAnswerDescribed(isAnswerOrAway, 60);
  });

  test('with the cluster down says 503, and of each node why; it itself is alive', async () => {
    await stack.must('down');
    await settle();
    const away = Object.fromEntries(Object.keys(ALL_ANSWERED).map((path) => [path, 503]));
    expect(await statuses()).toEqual({ ...away, '/healthz': 200, '/metrics': 200 });
    const everyNode = [1, 2, 3].map((node) =>
      expect.stringMatching(`^redis-${node} at .*: its container is not there`),
    );
    for (const path of ['/redis-cluster/info', '/redis-cluster/slots', '/redis-cluster/key-slot?key=a', '/readyz']) {
      expect(await tried(path)).toEqual(everyNode);
    }
    const samples = readSamples(await (await service.get('/metrics')).text());
    expect(samples.find(({ name: metric }) => metric === 'redis_cluster_up')?.value).toBe(0);
    await expectEveryAnswerDescribed(isAnswerOrAway, 150);
  });

  test('goes on by itself when the cluster is up again', async () => {
    await stack.must('up');
    await expect.poll(statuses, { timeout: 60_000, interval: 500 }).toEqual(ALL_ANSWERED);
  });

  test('goes on with another password', async () => {
    await stack.must('secrets', 'rotate');
    await expect.poll(statuses, { timeout: 60_000, interval: 500 }).toEqual(ALL_ANSWERED);
  });

  test('answers soon while a node hangs, and for the others', async () => {
    // Its own connections are kept waiting, too: who asks gets no reply.
    await stack.redis(3, 'CLIENT', 'PAUSE', '10000', 'ALL');
    await settle();
    const at = performance.now();
    const answers = await Promise.all(
      ['/redis-cluster/node/redis-1', '/redis-cluster/node/redis-3', '/redis-cluster/nodes'].map((path) =>
        service.get(path),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 200]);
    expect(performance.now() - at).toBeLessThan(7000);
    await expect.poll(statuses, { timeout: 60_000, interval: 500 }).toEqual(ALL_ANSWERED);
  });

  test('whose engine is gone, or takes connections and never answers, says so in a moment', async () => {
    const path = join(stack.folder, 'engine.sock');
    const endpoint = { address: `unix://${path}`, source: 'test', publishedHost: '127.0.0.1' };
    const bounds = { signal: new AbortController().signal, timeoutMs: 1000 };
    const engine = await connectDocker({ options: { socketPath: path }, endpoint }, bounds);
    const lost = await startService(stack, {}, (session) => ({ ...session, engine }));
    const mute = createServer(() => undefined);
    const expectUnavailable = async (code: string): Promise<void> => {
      for (const one of ['/redis-cluster/nodes', '/redis-cluster/node/redis-1', '/readyz']) {
        const answer = await lost.get(one);
        expect([answer.status, answer.headers.get('content-type')]).toEqual([
          503,
          'application/problem+json; charset=utf-8',
        ]);
        expect(await answer.json()).toMatchObject({ code, hint: expect.any(String) });
      }
      expect((await lost.get('/healthz')).status).toBe(200);
      const metrics = readSamples(await (await lost.get('/metrics')).text());
      expect(metrics.map(({ name: metric, value }) => [metric, value])).toEqual([['redis_cluster_up', 0]]);
    };
    try {
      await expectUnavailable('ENGINE_UNREACHABLE');
      await once(mute.listen(path), 'listening');
      await settle();
      await expectUnavailable('WAIT_TIMEOUT');
    } finally {
      mute.close();
      await lost.stop();
    }
  });
});
