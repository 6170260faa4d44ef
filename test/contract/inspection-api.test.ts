/** The inspection API as its reference document describes it, against what Redis itself says. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { randomBytes, randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pool } from 'undici';
import { linkNodes } from '../../src/stack/connect/with-nodes.ts';
import { readSamples, type Sample } from '../helpers/prometheus.ts';
import { pipelineGets, sendGet, startService, type RunningService } from '../helpers/service.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let service: RunningService;
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
  service = await startService(stack);
});
afterAll(async () => {
  await service.stop();
  await stack.remove();
});

async function read(path: string): Promise<unknown> {
  const answer = await service.get(path);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.status).toBe(200);
  return answer.json();
}

/** A field of INFO or of CLUSTER INFO, as redis-cli prints it. */
function field(text: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? 'not there';
}

const address = (node: number): string => `${stack.ips[node - 1]}:6379`;

describe("the document's example calls", () => {
  test('info: the five fields, as CLUSTER INFO has them', async () => {
    const text = await stack.redis(1, 'CLUSTER', 'INFO');
    expect(await read('/redis-cluster/info')).toStrictEqual({
      cluster_state: field(text, 'cluster_state'),
      cluster_slots_assigned: Number(field(text, 'cluster_slots_assigned')),
      cluster_slots_ok: Number(field(text, 'cluster_slots_ok')),
      cluster_known_nodes: Number(field(text, 'cluster_known_nodes')),
      cluster_size: Number(field(text, 'cluster_size')),
    });
  });

  test('nodes: in the order of the YAML file, each with what CLUSTER NODES says of it', async () => {
    const rows = new Map(
      (await stack.redis(1, 'CLUSTER', 'NODES')).split('\n').map((line): [string, string[]] => {
        const [id = '', place = '', , , , , , , slots = ''] = line.trim().split(' ');
        return [place.split('@')[0] ?? '', [id, slots]];
      }),
    );
    const counts = [5461, 5462, 5461];
    const nodes = stack.ips.map((ip, index) => {
      const [id = '', slots = ''] = rows.get(`${ip}:6379`) ?? [];
      return { id, ip, port: 6379, role: 'master', slots, slot_count: counts[index] };
    });
    expect(nodes[0]?.id).toMatch(/^[\da-f]{40}$/);
    expect(await read('/redis-cluster/nodes')).toStrictEqual({ nodes });
  });

  test('node: what INFO says, by its address, by that of its TLS port, and by its names', async () => {
    await stack.redis(1, 'SET', 'user:1000', 'here');
    await stack.redis(1, 'SET', '{user:1000}:short', 'here', 'EX', '1000');
    // Whatever was seen before these keys is forgotten by then.
    await expect
      .poll(async () => read(`/redis-cluster/node/${address(1)}`), { timeout: 30_000 })
      .toMatchObject({ keyspace: { db0: { keys: 2, expires: 1 } } });
    const names = [address(1), `${stack.ips[0]}:6380`, 'redis-1', stack.container(1), address(1).replace(':', '%3A')];
    let one: unknown;
    // One look serves all of them, unless it grows too old for the last ones.
    const answers = async (): Promise<unknown[]> => {
      const [first, ...others] = await Promise.all(names.map((name) => read(`/redis-cluster/node/${name}`)));
      one = first;
      return others.filter((other) => !isDeepStrictEqual(other, first));
    };
    await expect.poll(answers, { timeout: 30_000 }).toEqual([]);
    const info = await stack.redis(1, 'INFO');
    expect(one).toStrictEqual({
      node: address(1),
      role: field(info, 'role'),
      connected_slaves: Number(field(info, 'connected_slaves')),
      used_memory: expect.stringMatching(/^\d{6,8}$/),
      used_memory_human: expect.stringMatching(/^\d\.\d\dM$/),
      total_commands_processed: expect.any(Number),
      keyspace: { db0: { keys: 2, expires: 1 } },
    });
    const { total_commands_processed: seen, used_memory: bytes } = one as Record<string, string | number>;
    expect(Number(seen)).toBeLessThanOrEqual(Number(field(info, 'total_commands_processed')));
    expect(Number(seen)).toBeGreaterThan(10);
    expect(Math.abs(Number(bytes) - Number(field(info, 'used_memory')))).toBeLessThan(1_000_000);
  });

  test('slots: who owns which, as CLUSTER SLOTS has them', async () => {
    // redis-cli: start, end, address, port, id, one a line, and lines of more.
    const lines = (await stack.redis(2, 'CLUSTER', 'SLOTS')).split('\n').map((line) => line.trim());
    const ranges = stack.ips
      .map((ip) => {
        const at = lines.indexOf(ip);
        const [start, end] = [Number(lines[at - 2]), Number(lines[at - 1])];
        return { node: `${ip}:${lines[at + 1]}`, start_slot: start, end_slot: end, slot_count: end - start + 1 };
      })
      .toSorted((one, other) => one.start_slot - other.start_slot);
    expect(await read('/redis-cluster/slots')).toStrictEqual({
      total_slots: 16_384,
      assigned_slots: 16_384,
      distribution: ranges,
    });
    expect(ranges.map(({ slot_count: count }) => count)).toEqual([5461, 5462, 5461]);
  });

  test('key-slot?key=user:1000: the slot that Redis gives it, and the owner', async () => {
    expect(await read('/redis-cluster/key-slot?key=user:1000')).toStrictEqual({
      key: 'user:1000',
      slot: Number(await stack.redis(1, 'CLUSTER', 'KEYSLOT', 'user:1000')),
      node: address(1),
    });
  });

  test('the fields stand in the order of the document', async () => {
    const text = async (path: string): Promise<string> => (await service.get(path)).text();
    expect(await text('/redis-cluster/info')).toMatch(
      /^\{"cluster_state":.*"cluster_slots_assigned":.*"cluster_slots_ok":.*"cluster_known_nodes":.*"cluster_size":/,
    );
    expect(await text('/redis-cluster/nodes')).toMatch(
      /^\{"nodes":\[\{"id":.*"ip":.*"port":.*"role":.*"slots":.*"slot_count":/,
    );
    expect(await text('/redis-cluster/slots')).toMatch(
      /^\{"total_slots":.*"assigned_slots":.*"distribution":\[\{"node":.*"start_slot":.*"end_slot":.*"slot_count":/,
    );
  });
});

describe('keys are bytes', () => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  test.each([
    ['empty', Buffer.alloc(0), ''],
    ['text', Buffer.from('naïve {tag} 🎉'), 'naïve {tag} 🎉'],
    ['not UTF-8', Buffer.from([0x00, 0xff, 0x61, 0x20]), '%00%FFa%20'],
    ['with an empty tag', Buffer.from('{}{a}'), '{}{a}'],
    ['with a tag', Buffer.from('a{b}c'), 'a{b}c'],
    ['with signs of a query', Buffer.from('a&b=c+d?#%41'), 'a&b=c+d?#%41'],
    ['with a line end', Buffer.from('a\r\nb'), 'a\r\nb'],
    ['with a mark of byte order', Buffer.from([0xef, 0xbb, 0xbf, 0x61]), '\uFEFFa'],
  ])('%s', async (_, key, shown) => {
    const answer = (await read(`/redis-cluster/key-slot?key=${encoded(key)}`)) as { key: string; slot: number };
    expect([answer.key, answer.slot]).toEqual([shown, (await slotsOfRedis([key]))[0]]);
  });

  test('every value of a byte', async () => {
    const answer = (await read(`/redis-cluster/key-slot?key=${encoded(everyByte)}`)) as { slot: number };
    expect(answer.slot).toBe((await slotsOfRedis([everyByte]))[0]);
  });

  test('as an HTML form writes them: + is a space, and % alone stands for itself', async () => {
    expect(await read('/redis-cluster/key-slot?key=a+b%2B%zz%')).toMatchObject({ key: 'a b+%zz%' });
    expect(await read('/redis-cluster/key-slot?key')).toMatchObject({ key: '' });
    expect(await read('/redis-cluster/key-slot?other=1&key=x&__proto__=2')).toMatchObject({ key: 'x' });
  });

  test('8 KiB of them are taken, and one more is not', async () => {
    const longest = randomBytes(8192);
    const answer = (await read(`/redis-cluster/key-slot?key=${encoded(longest)}`)) as { slot: number };
    expect(answer.slot).toBe((await slotsOfRedis([longest]))[0]);
    for (const key of ['a'.repeat(8193), '%ff'.repeat(8193), 'a'.repeat(100 * 1024)]) {
      expect(await problemOf(`/redis-cluster/key-slot?key=${key}`, 414)).toMatch(/at most 8192/);
    }
  });

  test('an URL of 2 MiB is refused with 414, too, and the service goes on', async () => {
    const answer = await sendGet(service.port, `/redis-cluster/key-slot?key=${'a'.repeat(2 * 1024 * 1024)}`);
    expect(answer.status).toBe(414);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 414, title: 'URI Too Long' });
    expect((await service.get('/healthz')).status).toBe(200);
  });

  test('a parameter half a million times is a refusal in a moment', async () => {
    // With a copy of the others for each it would take hours.
    const answer = await sendGet(service.port, `/redis-cluster/key-slot?${'a&'.repeat(500_000)}`);
    expect(answer.status).toBe(422);
  });

  test('20,000 keys of any bytes have the slots that CLUSTER KEYSLOT gives them', async () => {
    const keys = Array.from({ length: 20_000 }, anyKey);
    const expected = await slotsOfRedis(keys);
    const paths = keys.map((key) => `/redis-cluster/key-slot?key=${encoded(key)}`);
    const quarter = keys.length / 4;
    const bodies = await Promise.all(
      [0, 1, 2, 3].map((part) => pipelineGets(service.port, paths.slice(part * quarter, (part + 1) * quarter))),
    );
    const found = bodies.flat().map((body) => (JSON.parse(body) as { slot: number }).slot);
    const wrong = keys.filter((_, index) => found[index] !== expected[index]);
    expect(wrong.map((key) => key.toString('hex'))).toEqual([]);
  });
});

describe('what is refused says why', () => {
  test.each([
    ['/redis-cluster/node/nobody', 404, /has no node nobody/],
    ['/redis-cluster/node/10.0.0.1:6379', 404, /has no node 10\.0\.0\.1:6379/],
    ['/redis-cluster/node/__proto__', 404, /has no node __proto__/],
    [`/redis-cluster/node/${'a'.repeat(300)}`, 414, /./],
    ['/redis-cluster/node/', 422, /node: /],
    ['/redis-cluster/node/%ff', 422, /percent-encoded/],
    ['/redis-cluster/key-slot', 422, /key: /],
    ['/redis-cluster/key-slot?key=a&key=b', 422, /key: /],
    ['/redis-cluster/key-slot?KEY=a', 422, /key: /],
    ['/redis-cluster', 404, /there is nothing at \/redis-cluster/],
    ['/redis-cluster/info/', 404, /there is nothing/],
    ['/docs/static/..%2f..%2f..%2f..%2fpackage.json', 404, /there is nothing/],
  ])('GET %s is %i', async (path, status, detail) => {
    expect(await problemOf(path, status)).toMatch(detail);
  });

  test('an unknown node is answered with the names of those that are there', async () => {
    const { hint } = (await (await service.get('/redis-cluster/node/nobody')).json()) as { hint: string };
    expect(hint).toBe(`Its nodes are ${stack.ips.map((ip, index) => `redis-${index + 1} (${ip}:6379)`).join(', ')}`);
  });
});

describe('the OpenAPI document', () => {
  test('a linter has nothing to say against it, by its strictest rules', async () => {
    const source = await (await service.get('/openapi.json')).text();
    const config = await createConfig({ extends: ['recommended-strict'] });
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
    expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
    expect(JSON.parse(source)).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) });
  });

  test('its own examples are valid by its own schemas', async () => {
    const document = (await (await service.get('/openapi.json')).json()) as {
      components: { schemas: Record<string, { examples?: unknown[]; properties?: Record<string, object> }> };
    };
    const ajv = new Ajv2020({ strict: false });
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      for (const [property, inner] of Object.entries(schema.properties ?? {})) {
        const examples = 'examples' in inner && Array.isArray(inner.examples) ? inner.examples : [];
        for (const example of examples) expect(ajv.validate(inner, example), `${name}.${property}`).toBe(true);
      }
    }
  });

  test('is the same that the documentation page shows, which loads nothing from elsewhere', async () => {
    const shown = await (await service.get('/docs/json')).json();
    expect(await (await service.get('/openapi.json')).json()).toEqual(shown);
    const page = await service.get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect((await page.text()).match(/(?:src|href)="(?:https?:)?\/\/[^"]*"/g)).toBeNull();
  });
});

describe('what watches over the service', () => {
  test('it is alive and ready', async () => {
    expect(await read('/healthz')).toStrictEqual({ status: 'ok' });
    expect(await read('/readyz')).toStrictEqual({ status: 'ok' });
  });

  test('metrics are in the text format, and say what Redis says', async () => {
    const answer = await service.get('/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const samples = readSamples(await answer.text());
    const value = (name: string, node?: string): number | undefined =>
      samples.find((one: Sample) => one.name === name && one.labels.get('node') === node)?.value;
    expect(samples.every(({ labels }) => labels.get('stack') === stack.name)).toBe(true);
    expect(value('redis_cluster_up')).toBe(1);
    expect(value('redis_cluster_state')).toBe(1);
    expect(value('redis_cluster_slots_assigned')).toBe(16_384);
    expect(value('redis_cluster_known_nodes')).toBe(3);
    expect(value('redis_cluster_findings')).toBe(0);
    const keys = ['redis-1', 'redis-2', 'redis-3'].map((node) => value('redis_cluster_node_keys', node));
    const sizes = await Promise.all([1, 2, 3].map((node) => stack.redis(node, 'DBSIZE')));
    expect(keys).toEqual(sizes.map(Number));
    const info = await stack.redis(2, 'INFO');
    expect(value('redis_cluster_node_memory_max_bytes', 'redis-2')).toBe(Number(field(info, 'maxmemory')));
    expect(value('redis_cluster_node_slots', 'redis-2')).toBe(5462);
    expect(value('redis_cluster_node_bus_links_up', 'redis-2')).toBe(2);
    expect(value('redis_cluster_node_commands_processed_total', 'redis-2')).toBeLessThanOrEqual(
      Number(field(info, 'total_commands_processed')),
    );
  });
});

describe('one look serves all', () => {
  const looks = async (): Promise<number> =>
    Number(/cmdstat_cluster\|nodes:calls=(\d+)/.exec(await stack.redis(1, 'INFO', 'commandstats'))?.[1] ?? 0);
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));

  test('a thousand requests at once cost Redis what one costs', async () => {
    await settle();
    const before = await looks();
    await service.get('/redis-cluster/nodes');
    await settle();
    const costOfOne = (await looks()) - before;
    expect(costOfOne).toBe(1);
    const pool = new Pool(service.url, { connections: 100 });
    const paths = [
      '/redis-cluster/nodes',
      '/redis-cluster/info',
      '/readyz',
      '/metrics',
      '/redis-cluster/key-slot?key=a',
    ];
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const { statusCode, body } = await pool.request({ path: paths[index % paths.length] ?? '/', method: 'GET' });
        await body.dump();
        return statusCode;
      }),
    );
    const tookSeconds = Math.ceil((performance.now() - begun) / 900);
    await pool.close();
    expect(new Set(answers)).toEqual(new Set([200]));
    expect((await looks()) - before - costOfOne).toBeLessThanOrEqual(tookSeconds);
  });

  test('an answer is at most a second old', async () => {
    await read('/redis-cluster/nodes');
    await stack.redis(2, 'SET', 'user:2000', randomBytes(4).toString('hex'));
    await settle();
    const keys = Number(await stack.redis(2, 'DBSIZE'));
    expect(await read('/redis-cluster/node/redis-2')).toMatchObject({ keyspace: { db0: { keys } } });
  });

  test('while nobody asks, nothing is asked', async () => {
    await settle();
    const before = await looks();
    await settle();
    await settle();
    expect(await looks()).toBe(before);
  });
});

/** What the problem says that an answer has to be. */
async function problemOf(path: string, status: number): Promise<string> {
  const answer = await sendGet(service.port, path);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.status).toBe(status);
  const body = JSON.parse(answer.body) as { type: string; status: number; detail: string };
  expect([body.type, body.status]).toEqual(['about:blank', status]);
  return body.detail;
}

function encoded(key: Buffer): string {
  return [...key].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Of no bytes up to fifty, many of them braces, so that there are tags of all kinds. */
function anyKey(): Buffer {
  const key = randomBytes(randomInt(51));
  if (randomInt(2) === 0) return key;
  return Buffer.from(key.map((byte) => (byte < 40 ? 0x7b : byte < 80 ? 0x7d : byte)));
}

async function slotsOfRedis(keys: readonly Buffer[]): Promise<number[]> {
  const session = await stack.session();
  const links = (await linkNodes(session)).map((link) => link.patient(10_000));
  try {
    const slots: number[] = [];
    const batch = 5000;
    for (let start = 0; start < keys.length; start += batch) {
      const commands = keys.slice(start, start + batch).map((key) => ['CLUSTER', 'KEYSLOT', key] as const);
      slots.push(...((await links[0]?.sendAll(commands)) ?? []).map(Number));
    }
    return slots;
  } finally {
    for (const link of links) link.close();
  }
}
