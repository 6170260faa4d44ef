import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { reachOf, hostAddress } from '../../../../src/stack/connect/host-address.ts';
import type { Spec } from '../../../../src/spec/spec.ts';
import { specOf } from '../../../helpers/builders.ts';

const engine = (publishedHost: string) => ({
  address: `tcp://${publishedHost}:2376`,
  source: 'DOCKER_HOST',
  publishedHost,
});

test.each([
  ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1', '127.0.0.1'],
  // Docker-in-Docker as a service of a CI job.
  ['0.0.0.0', 'docker', 'docker'],
  ['10.0.0.5', 'docker', '10.0.0.5'],
])('ports on %s of the engine at %s are reached at %s', (bind, published, reached) => {
  expect(hostAddress(specOf({ redis: { bind } }), engine(published), {})).toBe(reached);
});

test('names that lead to loopback addresses of another machine are refused, with what to change', () => {
  const spec = specOf({ access: 'names', redis: { bind: '0.0.0.0' } });
  expect(hostAddress(spec, engine('127.0.0.1'), {})).toBe('127.0.0.1');
  expect(() => hostAddress(spec, engine('docker'), {})).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('access: map') as unknown }),
  );
});

test('ports on the loopback address of another machine are refused, with what to change', () => {
  expect(() => hostAddress(specOf(), engine('docker'), {})).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('redis.bind') as unknown }),
  );
});

describe('how this host comes to the nodes, of what it has itself', () => {
  const LOCAL = 'unix:///var/run/docker.sock';
  const reach = (
    cidr: string | null,
    { address = LOCAL, ...change }: Partial<Spec> & { readonly address?: string } = {},
  ): string =>
    reachOf(
      {
        spec: { ...specOf(), ...change },
        engine: { endpoint: { address, source: '', publishedHost: '127.0.0.1' } } as Engine,
      },
      { lo: [{ cidr: '127.0.0.1/8' }], eth0: undefined, 'br-1f2e3d4c5b6a': [{ cidr: 'fd00::1/64' }, { cidr }] },
    );

  test("a local engine's network has its gateway here: the nodes' own addresses", () => {
    expect(reach('172.20.0.1/16')).toBe('direct');
  });

  test.each([
    ['an engine in a VM, a rootless one, or a network that is not there', '172.17.0.1/16'],
    ['a container on the network', '172.20.0.9/16'],
    ['a network of this host that begins with the same address', '172.20.0.1/24'],
    ['an interface without a mask', null],
  ])('%s: with a map', (_, cidr) => {
    expect(reach(cidr)).toBe('map');
  });

  test("another machine's engine, whose network this host has one like: with a map", () => {
    for (const address of ['tcp://build.example:2376', 'ssh://me@build.example']) {
      expect(reach('172.20.0.1/16', { address })).toBe('map');
    }
  });

  test('where TLS clients could not stay with these addresses: with a map for all', () => {
    const { tls } = specOf();
    const files = {
      kind: 'files',
      ca: 'ca.pem',
      certificate: '{node}.pem',
      key: '{node}.key',
      client: undefined,
    } as const;
    for (const change of [{ cluster: false }, { issuer: files }]) {
      expect(reach('172.20.0.1/16', { tls: { ...tls, ...change } })).toBe('map');
      expect(reach('172.20.0.1/16', { tls: { ...tls, ...change, enabled: false } })).toBe('direct');
    }
  });

  test('nodes that announce their hosts: these addresses, from everywhere', () => {
    const { network, tls } = specOf();
    const announcing = { network: { ...network, announce: 'host' } } as const;
    const address = 'a ssh://me@a.example, b tcp://b.example:2376';
    expect(reach(null, { ...announcing, address })).toBe('direct');
    // Redis before 7.2 redirects clients of the TLS port to the plain one.
    expect(reach(null, { ...announcing, address, tls: { ...tls, cluster: false } })).toBe('map');
  });

  test('what the YAML file asks for, wherever this host is', () => {
    for (const access of ['proxy', 'names'] as const) expect(reach('172.20.0.1/16', { access })).toBe(access);
  });
});
