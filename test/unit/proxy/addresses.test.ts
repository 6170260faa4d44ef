/** What Redis 8.6 and Valkey 9.1 say of a node with a name, whatever it is that they prefer to call it by. */
import { expect, test } from 'vitest';
import { REWRITES, rewriteRedirection } from '../../../src/proxy/addresses.ts';
import { knownBy, placeOf } from '../../../src/proxy/nodes.ts';
import { bulk, list, map } from '../../helpers/resp-streams.ts';

const NODES = knownBy([
  {
    name: 'redis-1',
    announced: { ip: '10.1.2.11', plain: 6379, tls: 6380 },
    listen: { host: '127.0.0.1', plain: 7001, tls: 7011 },
    upstream: { host: '127.0.0.1', plain: 8001, tls: 8011 },
  },
]);
const outlook = (kind: 'plain' | 'tls', here = '127.0.0.1'): Parameters<typeof rewriteRedirection>[1] => ({
  kind,
  placeOf: (host, port) => placeOf(NODES, here, host, port),
});
const ID = bulk('a1be869bfe94dcf26bc89cd06bb13c2d8b614c55');
const [HERE, IP, NAME] = ['127.0.0.1', '10.1.2.11', 'node.a'].map(bulk);
const rewritten = (kind: keyof typeof REWRITES, text: string, spoken: 'plain' | 'tls' = 'plain'): string | undefined =>
  REWRITES[kind](Buffer.from(text), outlook(spoken))?.toString();

test.each([
  ['the address', IP, list(bulk('hostname'), `${NAME}`)],
  ['the address, RESP3', IP, map(bulk('hostname'), `${NAME}`)],
  ['the name', NAME, list(bulk('ip'), `${IP}`)],
  ['nothing', '$-1\r\n', list(bulk('ip'), `${IP}`, bulk('hostname'), `${NAME}`)],
  ['nothing, RESP3', '_\r\n', map(bulk('ip'), `${IP}`, bulk('hostname'), `${NAME}`)],
])('CLUSTER SLOTS with %s', (_title, host, metadata) => {
  const slots = (at: string, port: number, more: string): string =>
    list(list(':0\r\n', ':16383\r\n', list(at, `:${port}\r\n`, ID, more)));
  const after = metadata.replace(`${IP}`, `${HERE}`);
  expect(rewritten('slots', slots(`${host}`, 6379, metadata))).toBe(slots(`${HERE}`, 7001, after));
  expect(rewritten('slots', slots(`${host}`, 6380, metadata), 'tls')).toBe(slots(`${HERE}`, 7011, after));
});

test.each([
  ['the address', IP, list],
  ['the name', NAME, map],
  ['nothing', bulk(''), list],
])('CLUSTER SHARDS with %s: both ports, whatever is spoken', (_title, endpoint, pairs) => {
  const shards = (plain: number, tls: number, ip: string, at: string): string => {
    const ports = [bulk('id'), ID, bulk('port'), `:${plain}\r\n`, bulk('tls-port'), `:${tls}\r\n`];
    const hosts = [bulk('ip'), ip, bulk('endpoint'), at, bulk('hostname'), `${NAME}`, bulk('role'), bulk('master')];
    const slots = [bulk('slots'), list(':0\r\n', ':16383\r\n')];
    // The id of a shard is Valkey's.
    return list(pairs(...slots, bulk('nodes'), list(pairs(...ports, ...hosts)), bulk('id'), ID));
  };
  for (const spoken of ['plain', 'tls'] as const) {
    const text = rewritten('shards', shards(6379, 6380, `${IP}`, `${endpoint}`), spoken);
    expect(text).toBe(shards(7001, 7011, `${HERE}`, `${HERE}`));
  }
});

test('redirections: by address and by name; what is no node’s stays as it is', () => {
  const redirected = (text: string, ...as: Parameters<typeof outlook>): string | undefined =>
    rewriteRedirection(Buffer.from(text), outlook(...as))?.toString();
  expect(redirected('-MOVED 3999 10.1.2.11:6380\r\n', 'tls', '::1')).toBe('-MOVED 3999 ::1:7011\r\n');
  expect(redirected('-ASK 3999 redis-1:6379\r\n', 'plain')).toBe('-ASK 3999 127.0.0.1:7001\r\n');
  for (const text of ['-MOVED 3999 10.1.2.12:6379\r\n', '-MOVED 1 10.1.2.11:9999\r\n', '-MOVED 1 :6379\r\n'])
    expect(redirected(text, 'plain')).toBe(text);
  expect(redirected('-ERR MOVED 3999 10.1.2.11:6379\r\n', 'plain')).toBeUndefined();
});

test('what has not exactly the shape is nobody’s reply', () => {
  for (const text of [bulk('text'), list(bulk('text')), list(list(':1\r\n')), '*1\r\n', `${bulk('a')}${bulk('b')}`])
    for (const kind of ['slots', 'shards', 'nodes', 'replicas'] as const) expect(rewritten(kind, text)).toBeUndefined();
  expect(rewritten('slots', '*1\r\n'.repeat(100_000))).toBeUndefined();
});
