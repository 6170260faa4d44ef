import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  asking,
  canRead,
  formatOf,
  NO_SERVER,
  parseAnswer,
  parseFormat,
  refusesPlainBus,
  shortcoming,
  type Server,
} from '../../../../src/plan/model/server.ts';
import type { ServerName } from '../../../../src/plan/model/resources.ts';

const redis = (version: string): Server => ({ name: 'redis', version });
const valkey = (version: string): Server => ({ name: 'valkey', version });

test.each<[ServerName, string, number | undefined]>([
  ['redis', '6.2.14', 9],
  ['redis', '7.0.15', 10],
  ['redis', '7.2.4', 11],
  ['redis', '7.4.0', 12],
  ['redis', '8.0.6', 12],
  ['redis', '8.4.7', 12],
  ['redis', '8.6.3', 13],
  ['redis', '8.8.3', 14],
  ['redis', '8.10.2', 15],
  ['redis', '9.0.0', undefined],
  ['redis', 'unknown', undefined],
  ['valkey', '8.1.1', 11],
  ['valkey', '9.1.2', 80],
  ['valkey', '10.0.0', undefined],
])('%s %s writes version %s of RDB', (name, version, format) => {
  expect(formatOf({ name, version })).toBe(format);
});

test('the first bytes of a file tell in which it is', () => {
  expect(['REDIS0010\xfa', 'VALKEY080\xfa', '*2\r\n$6\r\nSELECT', ''].map(parseFormat)).toEqual([
    10,
    80,
    undefined,
    undefined,
  ]);
});

describe('what a server reads', () => {
  test.each<[string, Server, number]>([
    ['its own', redis('7.0.15'), 10],
    ['older data', redis('8.6.3'), 9],
    ['Redis 7.2 in Valkey 8', valkey('8.1.1'), 11],
    ['Redis 7.2 in Valkey 9', valkey('9.1.2'), 11],
    ['Valkey 8 in Redis 7.2', redis('7.2.4'), 11],
    ['whatever, where it isn’t known', redis('9.0.0'), 16],
  ])('%s', (_what, server, format) => {
    expect(canRead(server, format)).toBe(true);
  });

  test.each<[string, Server, number]>([
    ['newer data', redis('7.0.15'), 11],
    ['Redis 8 in Valkey 8', valkey('8.1.1'), 12],
    ['Redis 8.6 in Valkey 9', valkey('9.1.2'), 13],
    ['Valkey 9 in Redis 8.6', redis('8.6.3'), 80],
    ['Valkey 9 in a Redis that isn’t known', redis('9.0.0'), 80],
    ['Valkey 9 in Valkey 8', valkey('8.1.1'), 80],
  ])('and what not: %s', (_what, server, format) => {
    expect(canRead(server, format)).toBe(false);
  });
});

describe('what an image answers', () => {
  const refused = (setting: string): string =>
    `*** FATAL CONFIG FILE ERROR ***\nReading the configuration file, at line 2\n>>> '${setting} "0"'\nBad directive or wrong number of arguments\n`;
  const said =
    'program redis\nRedis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0\n';

  test('its version, and whether it knows TLS by which of two settings it refuses', () => {
    const server = { program: 'redis', name: 'redis', version: '7.0.15' };
    expect(parseAnswer(said + refused('no-such-setting'))).toEqual({ ...server, hasTls: true });
    expect(parseAnswer(said + refused('tls-port'))).toEqual({ ...server, hasTls: false });
  });

  test('Valkey may go by Redis’ name', () => {
    expect(parseAnswer('program redis\nValkey server v=8.1.1 sha=0\n')).toMatchObject({
      program: 'redis',
      name: 'valkey',
      version: '8.1.1',
    });
  });

  test('where there is no server, the question itself says so', () => {
    const env = { PATH: '/nowhere' };
    expect(execFileSync('/bin/sh', ['-c', asking('redis')], { env, encoding: 'utf8' })).toBe(`${NO_SERVER}\n`);
    expect(parseAnswer(`${NO_SERVER}\n`)).toBeUndefined();
  });

  test('too old, also for names, or without TLS where that is asked for', () => {
    const answer = { program: 'redis', hasTls: false } as const;
    const off = { access: 'map' as const, tls: { enabled: false, cluster: false } };
    const on = { ...off, tls: { enabled: true, cluster: false } };
    const bus = { ...off, tls: { enabled: true, cluster: true } };
    const names = { ...off, access: 'names' as const };
    expect(shortcoming({ ...answer, ...redis('6.0.16') }, off)).toContain('Redis 6.2');
    expect(shortcoming({ ...answer, ...redis('6.2.14') }, off)).toBeUndefined();
    expect(shortcoming({ ...answer, ...valkey('8.1.1') }, on)).toContain('without TLS');
    expect(shortcoming({ ...answer, ...valkey('8.1.1'), hasTls: true }, bus)).toBeUndefined();
    expect(shortcoming({ ...answer, ...redis('6.2.14'), hasTls: true }, on)).toBeUndefined();
    expect(shortcoming({ ...answer, ...redis('6.2.14'), hasTls: true }, bus)).toContain('tls.cluster: false');
    expect(shortcoming({ ...answer, ...redis('7.0.0'), hasTls: true }, bus)).toBeUndefined();
    expect(shortcoming({ ...answer, ...redis('6.2.14') }, names)).toContain('access: map');
    expect(shortcoming({ ...answer, ...redis('7.0.0') }, names)).toBeUndefined();
  });
});

test.each<[Server, boolean]>([
  [redis('7.0.15'), false],
  [redis('8.2.9'), false],
  [redis('8.2.10'), true],
  [redis('8.3.0'), false],
  [redis('8.4.7'), true],
  [redis('8.6.3'), false],
  [redis('8.8.3'), true],
  [redis('8.10.1'), false],
  [redis('8.12.0'), true],
  [redis('9.0.0'), true],
  [redis('unknown'), false],
  [valkey('9.1.2'), false],
])('%o knows a setting that lets nobody speak on a plain bus: %s', (server, knows) => {
  expect(refusesPlainBus(server)).toBe(knows);
});
