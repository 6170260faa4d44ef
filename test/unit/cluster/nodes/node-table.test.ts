import { describe, expect, test } from 'vitest';
import { parseNodeTable, slotMapText, type NodeRow } from '../../../../src/cluster/nodes/node-table.ts';

const ONE = '07c37dfeb235213a872192d90877d0cd55635b91';
const TWO = '67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1';
const THREE = '292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f';

function row(text: string): NodeRow {
  return parseNodeTable(text).myself;
}

describe('the texts of Redis', () => {
  test('6.2: an address with its bus port', () => {
    const { myself, rows } = parseNodeTable(`${ONE} 127.0.0.1:30004@31004 slave ${TWO} 0 1426238317239 4 connected
${TWO} 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460
${THREE} 127.0.0.1:30003@31003 master - 0 1426238318243 3 disconnected 10923-16382 16383
`);
    expect(myself.id).toBe(TWO);
    expect(rows).toEqual([
      {
        id: ONE,
        ip: '127.0.0.1',
        port: 30004,
        busPort: 31004,
        hostname: '',
        flags: new Set(['slave']),
        role: 'replica',
        primaryId: TWO,
        configEpoch: 4,
        connected: true,
        slots: [],
        openSlots: [],
      },
      {
        id: TWO,
        ip: '127.0.0.1',
        port: 30001,
        busPort: 31001,
        hostname: '',
        flags: new Set(['myself', 'master']),
        role: 'primary',
        primaryId: undefined,
        configEpoch: 1,
        connected: true,
        slots: [{ start: 0, end: 5460 }],
        openSlots: [],
      },
      {
        id: THREE,
        ip: '127.0.0.1',
        port: 30003,
        busPort: 31003,
        hostname: '',
        flags: new Set(['master']),
        role: 'primary',
        primaryId: undefined,
        configEpoch: 3,
        connected: false,
        slots: [
          { start: 10923, end: 16382 },
          { start: 16383, end: 16383 },
        ],
        openSlots: [],
      },
    ]);
  });

  test.each([
    ['7.0 with a host name', '172.20.0.13:6379@16379,redis-1', 'redis-1'],
    ['7.0 without one', '172.20.0.13:6379@16379,', ''],
    ['7.2 and later, in nodes.conf', `172.20.0.13:6379@16379,,tls-port=0,shard-id=${THREE}`, ''],
    ['with a host name and a shard', `172.20.0.13:6379@16379,redis-1,tls-port=6380,shard-id=${THREE}`, 'redis-1'],
  ])('%s', (_name, address, hostname) => {
    expect(row(`${ONE} ${address} myself,master - 0 0 1 connected 0-5460`)).toMatchObject({
      ip: '172.20.0.13',
      port: 6379,
      busPort: 16379,
      hostname,
      slots: [{ start: 0, end: 5460 }],
    });
  });

  test('an IPv6 address', () => {
    expect(row(`${ONE} fd00::13:6379@16379 myself,master - 0 0 1 connected`)).toMatchObject({
      ip: 'fd00::13',
      port: 6379,
    });
  });

  test('nodes.conf: the vars line is no node', () => {
    const { rows } = parseNodeTable(
      `${ONE} 172.20.0.13:6379@16379 myself,master - 0 0 1 connected 0-5460\nvars currentEpoch 6 lastVoteEpoch 0\n`,
    );
    expect(rows.map(({ id }) => id)).toEqual([ONE]);
  });

  test('a node without a known address', () => {
    const { rows } = parseNodeTable(
      `${ONE} :0@0 myself,master - 0 0 0 connected\n${TWO} :0@0 master,noaddr - 1426238316232 0 2 disconnected\n`,
    );
    expect(rows.map(({ ip, port, busPort }) => ({ ip, port, busPort }))).toEqual([
      { ip: '', port: 0, busPort: 0 },
      { ip: '', port: 0, busPort: 0 },
    ]);
    expect(rows[1]?.flags).toEqual(new Set(['master', 'noaddr']));
  });

  test('slots on the move, besides those that stay', () => {
    const { slots, openSlots } = row(
      `${ONE} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-92 94 [93-<-${TWO}] [77->-${THREE}]`,
    );
    expect(slots).toEqual([
      { start: 0, end: 92 },
      { start: 94, end: 94 },
    ]);
    expect(openSlots).toEqual([
      { slot: 93, direction: 'importing', nodeId: TWO },
      { slot: 77, direction: 'migrating', nodeId: THREE },
    ]);
  });

  test('a replica that may have failed, and one that surely has', () => {
    const { rows } = parseNodeTable(`${ONE} 10.0.0.1:6379@16379 myself,slave ${TWO} 0 0 1 connected
${TWO} 10.0.0.2:6379@16379 master,fail? - 1 2 1 disconnected 0-16383
${THREE} 10.0.0.3:6379@16379 slave,fail ${TWO} 1 2 1 disconnected
`);
    expect(rows.map(({ role, flags }) => [role, ...flags])).toEqual([
      ['replica', 'myself', 'slave'],
      ['primary', 'master', 'fail?'],
      ['replica', 'slave', 'fail'],
    ]);
  });

  test('lines may end as on the wire', () => {
    expect(row(`${ONE} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 5\r\n`).slots).toEqual([
      { start: 5, end: 5 },
    ]);
  });

  test.each(['', '\n', 'vars currentEpoch 1 lastVoteEpoch 0\n', `${ONE} 10.0.0.1:6379@16379 master - 0 0 1 connected`])(
    'a text without the node itself is no table: %j',
    (text) => {
      expect(() => parseNodeTable(text)).toThrow('without the node itself');
    },
  );
});

describe('slotMapText', () => {
  test('is the same for two nodes that list the same owners in another order', () => {
    const rowOne = `${ONE} 10.0.0.1:6379@16379 FLAGS - 0 0 1 connected 5461-16383`;
    const rowTwo = `${TWO} 10.0.0.2:6379@16379 OTHER - 0 0 2 connected 0-5460`;
    const seenByOne = parseNodeTable(
      `${rowOne}\n${rowTwo}`.replace('FLAGS', 'myself,master').replace('OTHER', 'master'),
    );
    const seenByTwo = parseNodeTable(
      `${rowTwo}\n${rowOne}`.replace('FLAGS', 'master').replace('OTHER', 'myself,master'),
    );
    expect(slotMapText(seenByOne)).toBe(`0-5460 ${TWO}\n5461-16383 ${ONE}`);
    expect(slotMapText(seenByTwo)).toBe(slotMapText(seenByOne));
  });

  test('differs where one slot has another owner', () => {
    const table = (border: number): string =>
      slotMapText(
        parseNodeTable(`${ONE} a:1@2 myself,master - 0 0 1 connected 0-${border}
${TWO} b:1@2 master - 0 0 2 connected ${border + 1}-16383`),
      );
    expect(table(100)).not.toBe(table(101));
  });
});
