/** Streams of RESP for the tests of the proxy: what is said, and what is to come out. */
import * as fc from 'fast-check';
import type { Outlook } from '../../src/proxy/addresses.ts';
import { newConversation } from '../../src/proxy/conversation.ts';

const NODES = [11, 12, 13].map((last, index) => ({
  ip: `10.1.2.${last}`,
  plain: 7001 + index,
  tls: 7011 + index,
  id: String(index).repeat(40),
}));

export const OUTLOOK: Outlook = {
  kind: 'plain',
  placeOf: (host, port) => {
    const node = NODES.find(({ ip }) => ip === host);
    return node && (port === 6379 || port === 6380) ? { ...node, host: '127.0.0.1' } : undefined;
  },
};

export const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const list = (...items: readonly string[]): string => `*${items.length}\r\n${items.join('')}`;
export const map = (...items: readonly string[]): string => `%${items.length / 2}\r\n${items.join('')}`;

/** A stream in pieces that end at the given places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((one, other) => one - other);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

export interface Passed {
  readonly text: string;
  readonly rewritten: number;
  readonly tooLarge: number;
}

/** What a client gets that has sent all of `requests` before the node answers. Latin-1: a character is a byte. */
export function passed(
  requests: string,
  replies: string,
  cuts: { readonly requests?: readonly number[]; readonly replies?: readonly number[] } = {},
  outlook = OUTLOOK,
): Passed {
  const counters = { rewritten: 0, tooLarge: 0 };
  const conversation = newConversation(outlook, counters);
  for (const chunk of cutAt(Buffer.from(requests, 'latin1'), cuts.requests ?? [])) conversation.hear(chunk);
  const chunks = cutAt(Buffer.from(replies, 'latin1'), cuts.replies ?? []);
  const out = [...chunks.flatMap((chunk) => [...conversation.answer(chunk)]), ...conversation.end()];
  return { text: Buffer.concat(out).toString('latin1'), ...counters };
}

/** A command, the reply as the node sends it, and as the client is to get it. */
export interface Exchange {
  readonly request: string;
  readonly inside: string;
  readonly outside: string;
}

/** No error that would send a client elsewhere. */
const line = fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[^ -~]/g, ''));
const leaf: fc.Arbitrary<string> = fc.oneof(
  line.map((text) => `+${text}\r\n`),
  line.map((text) => `-ERR ${text}\r\n`),
  fc.bigInt().map((number) => `(${number}\r\n`),
  fc.integer().map((number) => `:${number}\r\n`),
  fc.double().map((number) => `,${number}\r\n`),
  fc.constantFrom(
    '_\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '#t\r\n',
    '#f\r\n',
    '*0\r\n',
    '%0\r\n',
    '~0\r\n',
    '$0\r\n\r\n',
    ',inf\r\n',
  ),
  line.map((text) => `!${text.length + 4}\r\nERR ${text}\r\n`),
  line.map((text) => `=${text.length + 4}\r\ntxt:${text}\r\n`),
  fc
    .string({ maxLength: 200, unit: 'binary' })
    .map(bulk)
    .map((text) => Buffer.from(text).toString('latin1')),
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => list(...items)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `~${items.length}\r\n${items.join('')}`),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => map(...pairs.flat())),
    fc.tuple(tie('value'), tie('value')).map(([about, item]) => `|1\r\n+about\r\n${about}${item}`),
  ),
}));

const node = fc.constantFrom(...NODES);
const stranger = fc.constantFrom('10.1.2.99:6379', '10.1.2.11:7777', 'elsewhere:6379');
const slot = fc.nat(16_383);

/** The same text with the addresses inside, and with those outside. */
type Both = readonly [inside: string, outside: string];
const both = (
  make: (host: (ip: string) => string, port: (plain: number) => string, tls: (port: number) => string) => string,
): Both => [
  make(
    (ip) => ip,
    () => '6379',
    () => '6380',
  ),
  make(() => '127.0.0.1', String, String),
];

const slots: fc.Arbitrary<Both> = fc
  .array(fc.tuple(slot, slot, fc.array(node, { minLength: 1, maxLength: 3 }), fc.boolean()), { maxLength: 4 })
  .map((ranges) =>
    both((host, port) =>
      list(
        ...ranges.map(([first, last, nodes, isRecent]) =>
          list(
            `:${first}\r\n`,
            `:${last}\r\n`,
            ...nodes.map(({ ip, plain, id }) =>
              list(
                bulk(host(ip)),
                `:${port(plain)}\r\n`,
                bulk(id),
                ...(isRecent ? [map(bulk('hostname'), bulk('a.b'))] : []),
              ),
            ),
          ),
        ),
      ),
    ),
  );
const shards: fc.Arbitrary<Both> = fc
  .tuple(fc.array(node, { maxLength: 3 }), fc.constantFrom(list, map))
  .map(([nodes, pairs]) =>
    both((host, port, tls) =>
      list(
        ...nodes.map(({ ip, plain, tls: encrypted, id }) => {
          const facts = [
            bulk('id'),
            bulk(id),
            bulk('port'),
            `:${port(plain)}\r\n`,
            bulk('tls-port'),
            `:${tls(encrypted)}\r\n`,
          ];
          const more = [bulk('ip'), bulk(host(ip)), bulk('endpoint'), bulk(host(ip)), bulk('role'), bulk('master')];
          return pairs(bulk('slots'), list(':0\r\n', ':5\r\n'), bulk('nodes'), list(pairs(...facts, ...more)));
        }),
      ),
    ),
  );
const lines = (
  nodes: readonly (typeof NODES)[number][],
  names: string,
  [host, port]: readonly [(ip: string) => string, (port: number) => string],
): string[] =>
  nodes.map(
    ({ ip, plain, id }) => `${id} ${host(ip)}:${port(plain)}@16379${names} myself,master - 0 0 1 connected 0-5`,
  );
const tables: fc.Arbitrary<Both> = fc
  .tuple(
    fc.array(node, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', ',', ',a.b', ',a.b,shard-id=1'),
    fc.boolean(),
  )
  .map(([nodes, names, isVerbatim]) =>
    both((host, port) => {
      const text = lines(nodes, names, [host, port])
        .map((one) => `${one}\n`)
        .join('');
      return isVerbatim ? `=${text.length + 4}\r\ntxt:${text}\r\n` : bulk(text);
    }),
  );
const replicas: fc.Arbitrary<Both> = fc
  .array(node, { maxLength: 3 })
  .map((nodes) => both((host, port) => list(...lines(nodes, '', [host, port]).map(bulk))));
const addressed: fc.Arbitrary<Exchange> = fc.oneof(
  slots.map(([inside, outside]) => ({ request: command('CLUSTER', 'SLOTS'), inside, outside })),
  shards.map(([inside, outside]) => ({ request: 'cluster  "shards"\r\n', inside, outside })),
  tables.map(([inside, outside]) => ({ request: command('cluster', 'nodes'), inside, outside })),
  replicas.map(([inside, outside]) => ({ request: command('CLUSTER', 'SLAVES', 'x'.repeat(40)), inside, outside })),
  line.map((text) => ({
    request: command('CLUSTER', 'SLOTS'),
    inside: `-ERR ${text}\r\n`,
    outside: `-ERR ${text}\r\n`,
  })),
);
const redirected: fc.Arbitrary<Exchange> = fc.oneof(
  fc.tuple(slot, node, fc.constantFrom('MOVED', 'ASK')).map(([number, { ip, plain }, word]) => ({
    request: command('GET', 'k'),
    inside: `-${word} ${number} ${ip}:6379\r\n`,
    outside: `-${word} ${number} 127.0.0.1:${plain}\r\n`,
  })),
  stranger.map((address) => ({
    request: command('GET', 'k'),
    inside: `-MOVED 1 ${address}\r\n`,
    outside: `-MOVED 1 ${address}\r\n`,
  })),
);
/** What looks like the reply of CLUSTER, and belongs to another command, stays as it is. */
const lookalike = fc.oneof(slots, shards, tables, replicas).map(([inside]) => inside);
const plain: fc.Arbitrary<Exchange> = fc
  .tuple(
    fc.oneof(value, lookalike),
    fc.constantFrom(
      command('GET', 'cluster'),
      command('LRANGE', 'a', '0', '-1'),
      'PING\r\n',
      command('CLUSTER', 'INFO'),
      '\r\n*0\r\nGET "a b"\n',
    ),
  )
  .map(([reply, request]) => ({ request, inside: reply, outside: reply }));
const pushed: fc.Arbitrary<Exchange> = fc.tuple(value, fc.constantFrom('message', 'invalidate')).map(([item, word]) => {
  const push = `>2\r\n${bulk(word)}${item}`;
  return { request: '', inside: push, outside: push };
});
const simple = fc.oneof({ weight: 4, arbitrary: plain }, { weight: 2, arbitrary: addressed }, redirected);
const transaction: fc.Arbitrary<Exchange> = fc
  .array(fc.oneof(plain, addressed, redirected), { maxLength: 4 })
  .map((inner) => {
    const queued = `+OK\r\n${'+QUEUED\r\n'.repeat(inner.length)}`;
    const replies = (side: 'inside' | 'outside'): string => queued + list(...inner.map((one) => one[side]));
    return {
      request: command('MULTI') + inner.map(({ request }) => request).join('') + command('exec'),
      inside: replies('inside'),
      outside: replies('outside'),
    };
  });

export const exchanges: fc.Arbitrary<readonly Exchange[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: simple }, pushed, transaction),
  { maxLength: 12 },
);
export const cuts = fc.array(fc.nat(), { maxLength: 30 });
export const joined = (all: readonly Exchange[], side: keyof Exchange): string => all.map((one) => one[side]).join('');
