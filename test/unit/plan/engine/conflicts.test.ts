import { describe, expect, test } from 'vitest';
import { findConflicts } from '../../../../src/plan/engine/conflicts.ts';
import { findRouteConflict } from '../../../../src/plan/engine/route-conflict.ts';
import { LABELS } from '../../../../src/plan/model/names.ts';
import type { Observed } from '../../../../src/plan/model/observed.ts';
import type { PublishedPort } from '../../../../src/plan/model/resources.ts';
import { labelsOf, NOTHING, observedAfterUp, specOf, strangerOf, wantedFor } from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const wanted = wantedFor(specOf());
const running = observedAfterUp(wanted);

function conflictsOf(observed: Partial<Observed>): string[] {
  return findConflicts('dev', wanted, { ...NOTHING, ...observed }).map(({ code, message }) => `${code} ${message}`);
}

test('nothing of somebody else stands in the way, nothing is said', () => {
  expect(conflictsOf({})).toEqual([]);
});

test('the own things stand in nobody’s way', () => {
  expect(conflictsOf(running)).toEqual([]);
});

describe('names', () => {
  test('a network, a container or a volume that is not ours is left alone', () => {
    const strange = {
      networks: running.networks.map((one) => ({ ...one, labels: {} })),
      containers: running.containers.slice(0, 1).map((one) => ({
        ...one,
        labels: { 'com.docker.compose.project': 'shop' },
        ports: [],
        addresses: {},
      })),
      volumes: running.volumes.slice(1, 2).map((one) => ({ ...one, labels: labelsOf('other') })),
    };
    expect(conflictsOf(strange)).toEqual([
      'NAME_TAKEN the network dev-services exists and was not made by this program; it is left alone',
      "NAME_TAKEN the container dev-redis-1 exists and belongs to the stack 'shop'; it is left alone",
      "NAME_TAKEN the volume dev-redis-2-data exists and belongs to the stack 'other'; it is left alone",
    ]);
  });
});

describe('subnets', () => {
  test.each([
    ['172.20.0.0/16', 1],
    ['172.20.200.0/24', 1],
    ['172.16.0.0/12', 1],
    ['172.21.0.0/16', 0],
    ['fd00::/64', 0],
    ['nonsense', 0],
  ])('a network at %s: %i conflict(s)', (subnet, count) => {
    const found = conflictsOf({ networks: [{ name: 'shop', labels: {}, subnets: [subnet] }] });
    expect(found).toEqual(
      count === 0 ? [] : [`SUBNET_OVERLAP the subnet 172.20.0.0/16 overlaps ${subnet} of the network shop`],
    );
  });

  test('the hint is the command that frees it', () => {
    const networks = [{ name: 'shop', labels: {}, subnets: ['10.0.0.0/8', '172.20.0.0/16'] }];
    expect(findConflicts('dev', wanted, { ...NOTHING, networks })).toMatchObject([
      { hint: expect.stringContaining('docker network rm shop') },
    ]);
  });
});

describe('routes of this machine', () => {
  const routed = (subnet: string, observed: Partial<Observed> = {}, interfaceName = 'tun0'): string | undefined =>
    findRouteConflict('dev', wanted, { ...NOTHING, ...observed }, [{ subnet, interfaceName }])?.message;

  test.each([
    ['172.20.0.0/16', true],
    ['172.20.3.7/32', true],
    ['172.16.0.0/12', true],
    ['172.21.0.0/16', false],
    ['0.0.0.0/0', false],
    ['128.0.0.0/1', false],
  ])('one for %s is in the way: %j', (subnet, isInTheWay) => {
    const said = `the subnet 172.20.0.0/16 overlaps ${subnet}, which this machine reaches through tun0`;
    expect(routed(subnet)).toBe(isInTheWay ? said : undefined);
  });

  test('our own network has the route, once it is there', () => {
    expect(routed('172.20.0.0/16', running, 'br-123456789abc')).toBeUndefined();
  });

  test('the bridge that a killed engine has left passes, or its deletion is what the hint says', () => {
    const conflictWith = (subnet: string) =>
      findRouteConflict('dev', wanted, NOTHING, [{ subnet, interfaceName: 'br-123456789abc' }]);
    const left = conflictWith('172.20.0.0/16');
    expect(left?.isPassing).toBe(true);
    expect(hintText(left?.hint ?? '')).toMatch(/^ip link del br-123456789abc /);
    expect(hintText(conflictWith('172.20.3.0/24')?.hint ?? '')).toMatch(/^Choose another network.subnet/);
  });

  test('a network that is recreated still has the route of its former self', () => {
    const networks = running.networks.map((one) => ({ ...one, labels: labelsOf('dev') }));
    expect(routed('172.20.0.0/16', { networks }, 'br-123456789abc')).toBeUndefined();
    expect(routed('172.20.3.0/24', { networks })).toBeDefined();
  });
});

describe('host ports', () => {
  const published = (hostAddress: string, hostPort: number): PublishedPort => ({
    hostAddress,
    hostPort,
    containerPort: 80,
  });

  test.each([
    ['127.0.0.1', 7001, true],
    ['0.0.0.0', 7001, true],
    ['::', 7001, true],
    ['', 7001, true],
    ['127.0.0.2', 7001, false],
    ['127.0.0.1', 7999, false],
  ])('somebody at %s:%i is in the way: %j', (address, port, isTaken) => {
    const found = conflictsOf({ containers: [strangerOf({ ports: [published(address, port)] })] });
    expect(found).toEqual(
      isTaken
        ? ['PORT_TAKEN host port 127.0.0.1:7001, which dev-redis-2 is to have, is held by the container stranger']
        : [],
    );
  });

  test('at a node’s own loopback address, the port is one that nobody can choose', () => {
    const spec = specOf({ access: 'names' });
    const at = (address: string) => ({ containers: [strangerOf({ ports: [published(address, 6379)] })] });
    const found = (address: string) => findConflicts('dev', wantedFor(spec), { ...NOTHING, ...at(address) });
    expect(found('127.20.0.12').map(({ message }) => message)).toEqual([
      'host port 127.20.0.12:6379, which dev-redis-2 is to have, is held by the container stranger',
    ]);
    expect(found('0.0.0.0')).toHaveLength(3);
    expect(found('127.20.0.12')[0]?.hint).toContain('set another access');
    expect(found('127.20.0.99')).toEqual([]);
  });

  test('a container that does not run holds no port', () => {
    expect(conflictsOf({ containers: [strangerOf({ state: 'exited', ports: [published('', 7001)] })] })).toEqual([]);
  });
});

describe('addresses', () => {
  test('a stranger on our network may have a node’s address', () => {
    const stranger = strangerOf({ addresses: { 'dev-services': '172.20.0.13' } });
    expect(conflictsOf({ containers: [stranger] })).toEqual([
      'ADDRESS_TAKEN the address 172.20.0.13, which dev-redis-3 is to have, is held by the container stranger',
    ]);
  });

  test('the same address on another network, or another address on ours, is no conflict', () => {
    const elsewhere = strangerOf({ addresses: { other: '172.20.0.13' } });
    const beside = strangerOf({ name: 'beside', addresses: { 'dev-services': '172.20.200.1' } });
    expect(conflictsOf({ containers: [elsewhere, beside] })).toEqual([]);
  });
});

test('a node that has to leave the cluster first keeps its network as it is', () => {
  const networks = running.networks.map((one) => ({ ...one, labels: labelsOf('dev') }));
  expect(conflictsOf({ ...running, networks, members: ['dev-redis-9'] })).toEqual([
    'NETWORK_IN_USE dev-redis-9 is not in the YAML file any more and has to leave the cluster first, but its network is to be recreated',
  ]);
  expect(conflictsOf({ ...running, members: ['dev-redis-9'] })).toEqual([]);
});

test('all conflicts are told at once', () => {
  const stranger = strangerOf({
    name: 'dev-redis-1',
    ports: [{ hostAddress: '0.0.0.0', hostPort: 8002, containerPort: 1 }],
    addresses: { 'dev-services': '172.20.0.12' },
  });
  const networks = [{ name: 'shop', labels: {}, subnets: ['172.20.0.0/24'] }];
  const codes = findConflicts('dev', wanted, { ...NOTHING, containers: [stranger], networks }).map(({ code }) => code);
  expect(codes).toEqual(['NAME_TAKEN', 'SUBNET_OVERLAP', 'PORT_TAKEN', 'ADDRESS_TAKEN']);
});

test('a network that has to be recreated while a stranger is on it is left as it is', () => {
  const networks = running.networks.map((one) => ({ ...one, labels: labelsOf('dev') }));
  const stranger = strangerOf({ name: 'shop-api', ports: [], addresses: { 'dev-services': '172.20.128.1' } });
  expect(conflictsOf({ ...running, networks, containers: [...running.containers, stranger] })).toEqual([
    'NETWORK_IN_USE the network dev-services has to be recreated, but the container shop-api is on it',
  ]);
  expect(conflictsOf({ ...running, containers: [...running.containers, stranger] })).toEqual([]);
});

describe('a node that was renamed while it holds data', () => {
  test('is told by the address and the ports that it still has', () => {
    const former = strangerOf({
      name: 'dev-redis-0',
      labels: { ...labelsOf('dev'), [LABELS.node]: 'redis-0' },
      addresses: { 'dev-services': '172.20.0.11' },
    });
    expect(conflictsOf({ containers: [former], members: ['dev-redis-0'] })).toEqual([
      'ADDRESS_TAKEN dev-redis-1 is to have the address or a port of dev-redis-0, which is not in the YAML file any more but still of the cluster',
    ]);
    // Whoever has left the cluster goes first.
    expect(conflictsOf({ containers: [former], members: [] })).toEqual([]);
  });

  test('is told by its volume, where others copy whoever is at that address', () => {
    const copies = new Map([['redis-1', ['redis-3']]]);
    const volumes = [{ name: 'dev-redis-0-data', labels: labelsOf('dev') }];
    expect(conflictsOf({ copies, volumes })).toEqual([
      'DATA_AT_RISK redis-1 would start without data at an address that others copy, and the volume dev-redis-0-data of a node that is not in the YAML file may hold that data',
    ]);
    expect(conflictsOf({ copies })).toEqual([]);
  });
});
