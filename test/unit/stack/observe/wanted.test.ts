import { expect, test } from 'vitest';
import { desiredOf } from '../../../../src/stack/observe/wanted.ts';
import type { ResolvedImage } from '../../../../src/stack/observe/image.ts';
import { specOf, type Shape } from '../../../helpers/builders.ts';

function configFor(tls: Shape['tls'], version: string): string[] {
  const answer = { program: 'redis', name: 'redis', version, hasTls: true } as const;
  const image: ResolvedImage = {
    reference: `redis:${version}`,
    id: 'sha256:1',
    server: 'redis',
    platform: 'linux/amd64',
    version,
    isStandIn: false,
    answer,
  };
  const { wanted } = desiredOf({ spec: specOf({ tls: tls ?? {} }), userConf: '', path: 'stack.yaml' }, image);
  return [...wanted.config.values()].map(({ redisConf }) => /^cluster-bus-port.*$/m.exec(redisConf)?.[0] ?? 'nothing');
}

test.each<[string, Shape['tls'], string, string]>([
  ['a plain bus', { cluster: false }, '8.6.7', 'cluster-bus-port-protected-mode no'],
  ['no TLS', { enabled: false }, '8.6.7', 'cluster-bus-port-protected-mode no'],
  ['a plain bus that it doesn’t refuse', { cluster: false }, '8.6.3', 'nothing'],
  ['an encrypted bus', {}, '8.6.7', 'nothing'],
])('a server that refuses a plain bus is told to take it, and only it: %s', (_what, tls, version, line) => {
  expect(new Set(configFor(tls, version))).toEqual(new Set([line]));
});
