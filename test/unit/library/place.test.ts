import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freePrefix } from '../../../src/library/place.ts';
import { overlaps, parseBlock } from '../../../src/spec/addresses.ts';

const network = (name: string, ...subnets: string[]): { name: string; subnets: string[] } => ({ name, subnets });
const first = (): number => 0;

describe('a free subnet', () => {
  test('is one that no network and no route has, the default route apart', () => {
    expect(freePrefix([], [{ subnet: '0.0.0.0/0', interfaceName: 'eth0' }], first)).toBe('10.64.0');
    expect(freePrefix([network('a', '10.64.0.0/15')], [], first)).toBe('10.66.0');
    expect(freePrefix([], [{ subnet: '10.64.0.0/24', interfaceName: 'tun0' }], first)).toBe('10.64.1');
    expect(freePrefix([network('a', 'fd00::/64')], [], first)).toBe('10.64.0');
  });

  test('comes from other ranges where one is full, and never from that of the usual stack', () => {
    expect(freePrefix([network('a', '10.64.0.0/10', '10.128.0.0/9')], [], first)).toBe('10.0.0');
    const others = network('a', '10.0.0.0/8', '172.16.0.0/14', '172.24.0.0/13', '172.22.0.0/15', '172.21.0.0/17');
    expect(freePrefix([others], [], first)).toBe('172.21.128');
    expect(() => freePrefix([network('a', '172.21.0.0/16', ...others.subnets)], [], first)).toThrow('no free subnet');
  });

  test('is found wherever the search begins', () => {
    const held = ['10.64.0.0/10', '10.128.0.0/10', '10.192.0.0/11', '10.224.0.0/12', '10.240.7.0/24'];
    const blocks = held.map(parseBlock);
    assert(
      property(integer({ min: 0, max: 49_151 }), (start) => {
        const own = parseBlock(`${freePrefix([network('a', ...held)], [], (count) => start % count)}.0/24`);
        return blocks.every((block) => block !== undefined && own !== undefined && !overlaps(block, own));
      }),
    );
  });

  test('that nobody has: says who holds all of them, the largest first', () => {
    const networks = [network('small', '10.1.0.0/24'), network('vpn', '10.0.0.0/8')];
    const routes = [{ subnet: '172.16.0.0/12', interfaceName: 'tun0' }];
    expect(() => freePrefix(networks, routes, first)).toThrow(
      expect.objectContaining({
        code: 'SUBNET_OVERLAP',
        message: 'no free subnet: all of 10.0.0.0/8 and 172.16.0.0/12 is taken',
        details: [
          '10.0.0.0/8 is held by the network vpn',
          '172.16.0.0/12 is held by a route through tun0',
          '10.1.0.0/24 is held by the network small',
        ],
      }),
    );
  });
});
