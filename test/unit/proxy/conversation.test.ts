import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bulk, command, cuts, exchanges, joined, list, passed } from '../../helpers/resp-streams.ts';

const SEED = 20_261_129;

test('addresses are replaced, all else is byte for byte, whatever the pieces are', () => {
  fc.assert(
    fc.property(exchanges, cuts, cuts, (said, requests, replies) => {
      const outside = joined(said, 'outside');
      expect(passed(joined(said, 'request'), joined(said, 'inside')).text).toBe(outside);
      expect(passed(joined(said, 'request'), joined(said, 'inside'), { requests, replies }).text).toBe(outside);
    }),
    { numRuns: 1000, seed: SEED },
  );
});

test('a byte at a time', () => {
  fc.assert(
    fc.property(exchanges, (said) => {
      const [request, inside] = [joined(said, 'request'), joined(said, 'inside')];
      const everywhere = (text: string): number[] => Array.from(text, (_, index) => index);
      const bytewise = { requests: everywhere(request), replies: everywhere(inside) };
      expect(passed(request, inside, bytewise).text).toBe(joined(said, 'outside'));
    }),
    { numRuns: 200, seed: SEED },
  );
});

test('10,000 damaged streams: none fails, and what comes out is no more than what came in', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'delete', 'insert', 'repeat')), {
    minLength: 1,
    maxLength: 5,
  });
  const damaged = (text: string, changes: readonly (readonly [number, number, string])[]): string =>
    changes.reduce((bytes, [place, byte, how]) => {
      const at = place % (bytes.length + 1);
      const letter = String.fromCharCode(byte);
      if (how === 'set') return bytes.slice(0, at) + letter + bytes.slice(at + 1);
      if (how === 'delete') return bytes.slice(0, at) + bytes.slice(at + 1);
      if (how === 'insert') return bytes.slice(0, at) + letter + bytes.slice(at);
      return bytes.slice(0, at) + bytes.slice(Math.max(0, at - 40));
    }, text);
  fc.assert(
    fc.property(exchanges, damage, damage, cuts, (said, ofRequests, ofReplies, replies) => {
      const [request, inside] = [
        damaged(joined(said, 'request'), ofRequests),
        damaged(joined(said, 'inside'), ofReplies),
      ];
      // An address outside is at most so much longer than one inside.
      expect(passed(request, inside, { replies }).text.length).toBeLessThanOrEqual(inside.length * 2);
      // Without CLUSTER and redirections, even nonsense comes out as it came.
      const harmless = inside.replaceAll(/MOVED|ASK/g, 'other');
      expect(passed('', harmless, { replies }).text).toBe(harmless);
    }),
    { numRuns: 10_000, seed: SEED },
  );
});

const TABLE = `${'0'.repeat(40)} 10.1.2.11:6379@16379 master - 0 0 1 connected 0-5\n`;
const OUTSIDE = TABLE.replace('10.1.2.11:6379', '127.0.0.1:7001');
const NODES = command('CLUSTER', 'NODES');

test('RESP2 subscriptions: messages are no replies, and after the last one all is counted again', () => {
  const confirmed = (word: string, channel: string, left: number): string =>
    list(bulk(word), bulk(channel), `:${left}\r\n`);
  const message = list(bulk('message'), bulk('a'), bulk(TABLE));
  const request = [
    command('LRANGE', 'words', '0', '-1'),
    command('SUBSCRIBE', 'a', 'b'),
    command('PING'),
    command('SSUBSCRIBE', 's'),
    command('UNSUBSCRIBE'),
    command('SUNSUBSCRIBE', 's', 't'),
    command('UNSUBSCRIBE', 'x', 'y', 'z'),
    command('GET', 'table'),
    NODES,
  ];
  const before = [
    list(bulk('message'), bulk('not'), bulk('one')),
    confirmed('subscribe', 'a', 1) + message + confirmed('subscribe', 'b', 2),
    message + list(bulk('pong'), bulk('')),
    confirmed('ssubscribe', 's', 1),
    confirmed('unsubscribe', 'a', 1) + message + confirmed('unsubscribe', 'b', 0),
    confirmed('sunsubscribe', 's', 0) + confirmed('sunsubscribe', 't', 0),
    confirmed('unsubscribe', 'x', 0) + confirmed('unsubscribe', 'y', 0) + confirmed('unsubscribe', 'z', 0),
    bulk(TABLE),
  ].join('');
  expect(passed(request.join(''), before + bulk(TABLE)).text).toBe(before + bulk(OUTSIDE));
});

test('RESP3 subscriptions are answered by pushes, or by an error', () => {
  const push = (...items: readonly string[]): string => `>${items.length}\r\n${items.join('')}`;
  const request = [
    command('HELLO', '3'),
    command('SUBSCRIBE', 'a', 'b'),
    command('GET', 'table'),
    command('SSUBSCRIBE', 's'),
    NODES,
    command('LRANGE', 'words', '0', '-1'),
    NODES,
  ];
  const hello = `%1\r\n${bulk('proto')}:3\r\n`;
  const first = [hello, push(bulk('subscribe'), bulk('a'), ':1\r\n'), push(bulk('message'), bulk('a'), bulk(TABLE))];
  const before = [...first, push(bulk('subscribe'), bulk('b'), ':2\r\n'), bulk(TABLE)].join('');
  const moved = (address: string): string => `-MOVED 1 ${address}\r\n`;
  // In RESP3, a list is never a message.
  const listed = list(bulk('message'), bulk('a'), bulk('b'));
  expect(passed(request.join(''), before + moved('10.1.2.12:6379') + bulk(TABLE) + listed + bulk(TABLE)).text).toBe(
    before + moved('127.0.0.1:7002') + bulk(OUTSIDE) + listed + bulk(OUTSIDE),
  );
});

test('CLIENT REPLY: what is not answered is not waited for', () => {
  const reply = (how: string): string => command('client', 'reply', how);
  const request = [
    reply('SKIP') + NODES + command('GET', 'table'),
    reply('OFF') + NODES + command('GET', 'table') + reply('ON'),
    command('GET', 'table'),
    reply('OFF') + NODES + command('RESET'),
    NODES,
  ];
  const before = `${bulk(TABLE)}+OK\r\n${bulk(TABLE)}+RESET\r\n`;
  expect(passed(request.join(''), before + bulk(TABLE)).text).toBe(before + bulk(OUTSIDE));
});

test('MONITOR: what it shows is no reply', () => {
  const shown = '+1700000000.123456 [0 127.0.0.1:1234] "CLUSTER" "NODES"\r\n';
  const request = command('MONITOR') + command('GET', 'table') + NODES + command('RESET') + command('GET', 'table');
  const inside = `${shown}+OK\r\n${shown}${bulk(TABLE)}${shown}`.replace(shown, '');
  const rest = `+RESET\r\n${bulk(TABLE)}`;
  expect(passed(request, inside + bulk(TABLE) + rest).text).toBe(inside + bulk(OUTSIDE) + rest);
});

test('where replies can no longer be counted, what was asked for is known by its shape, until RESET', () => {
  // CLIENT REPLY OFF inside a transaction leaves half of EXEC's reply.
  const request = command('MULTI') + command('CLIENT', 'REPLY', 'OFF') + NODES + command('RESET');
  const inside = `+OK\r\n+QUEUED\r\n+1\r\n${bulk('other')}`;
  const after = `+RESET\r\n${bulk(TABLE)}`;
  const said = passed(request + command('GET', 'table') + NODES, inside + bulk(TABLE) + after + bulk(TABLE));
  expect(said.text).toBe(inside + bulk(OUTSIDE) + after + bulk(OUTSIDE));
});

test('a replica that synchronises gets the stream as it is, and a refused one goes on', () => {
  const raw = `$5\r\nREDIS*1\r\n$4\r\nPING\r\n-MOVED 1 10.1.2.11:6379\r\n`;
  expect(passed(command('SYNC'), `\n\n${raw}`).text).toBe(`\n\n${raw}`);
  const refused = '-NOAUTH Authentication required.\r\n';
  expect(passed(command('PSYNC', '?', '-1') + NODES, refused + bulk(TABLE)).text).toBe(refused + bulk(OUTSIDE));
});

test('a transaction that is given up, or refused, leaves nothing behind', () => {
  const moved = '-MOVED 1 elsewhere:6379\r\n';
  const request = [
    command('MULTI') + NODES + command('DISCARD'),
    command('MULTI') + command('GET', 'other') + command('EXEC'),
    command('EXEC') + command('GET', 'table') + NODES,
  ];
  const before = `+OK\r\n+QUEUED\r\n+OK\r\n+OK\r\n${moved}-EXECABORT discarded\r\n-ERR EXEC without MULTI\r\n${bulk(TABLE)}`;
  expect(passed(request.join(''), before + bulk(TABLE)).text).toBe(before + bulk(OUTSIDE));
});

test('a value of 20 MB is never held, nor is a reply that is too large to be CLUSTER’s', () => {
  const value = Buffer.alloc(20 * 1024 * 1024, 'x').toString('latin1');
  const chunks = Array.from({ length: 320 }, (_, index) => index * 65_536);
  expect(passed(command('GET', 'k'), bulk(value), { replies: chunks }).text === bulk(value)).toBe(true);
  const large = passed(NODES + NODES, bulk(value) + bulk(TABLE), { replies: chunks });
  expect(large.text === bulk(value) + bulk(OUTSIDE)).toBe(true);
  expect(large.tooLarge).toBe(1);
});
