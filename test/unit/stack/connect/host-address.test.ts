import { expect, test } from 'vitest';
import { hostAddress } from '../../../../src/stack/connect/host-address.ts';
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
  expect(hostAddress(specOf({ redis: { bind } }), engine(published))).toBe(reached);
});

test('names that lead to loopback addresses of another machine are refused, with what to change', () => {
  const spec = specOf({ access: 'names', redis: { bind: '0.0.0.0' } });
  expect(hostAddress(spec, engine('127.0.0.1'))).toBe('127.0.0.1');
  expect(() => hostAddress(spec, engine('docker'))).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('access: map') as unknown }),
  );
});

test('ports on the loopback address of another machine are refused, with what to change', () => {
  expect(() => hostAddress(specOf(), engine('docker'))).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('redis.bind') as unknown }),
  );
});
