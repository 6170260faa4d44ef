import type { FastifyRequest } from 'fastify';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit, isLoopbackName } from '../../../../src/api/http/guard.ts';
import { ProblemError } from '../../../../src/api/http/problem.ts';
import { Secret } from '../../../../src/secret.ts';

const TOKEN = 'a-token-of-more-than-16-characters';

/** 200 for who is let in, or what it is refused with. */
function statusOf(
  headers: Readonly<Record<string, string>>,
  { token, method = 'GET', url = '/readyz' }: { token?: string; method?: string; url?: string } = {},
): number {
  try {
    const request = { method, url, headers: { host: 'localhost', ...headers } };
    admit(request as unknown as FastifyRequest, { token: token === undefined ? undefined : new Secret(token) });
    return 200;
  } catch (error) {
    if (error instanceof ProblemError) return error.status;
    throw error;
  }
}

test.each([
  ['localhost', true],
  ['redis.localhost', true],
  ['127.0.0.1', true],
  ['127.255.255.254', true],
  ['::1', true],
  ['[::1]', true],
  ['localhost.example', false],
  ['notlocalhost', false],
  ['127.0.0.1.example', false],
  ['127.1', false],
  ['128.0.0.1', false],
  ['0.0.0.0', false],
  ['::', false],
  ['', false],
])('%j is a name of this machine alone: %s', (name, expected) => {
  expect(isLoopbackName(name)).toBe(expected);
});

test('without a token no name is let in but those that always mean this machine', () => {
  fc.assert(
    fc.property(fc.domain(), fc.option(fc.nat(65_535)), (domain, port) => {
      fc.pre(!domain.toLowerCase().endsWith('localhost'));
      expect(statusOf({ host: port === null ? domain : `${domain}:${port}` })).toBe(421);
    }),
  );
});

test('the host is looked at before the origin, the origin before the method, and the method before the token', () => {
  const origin = 'http://evil.example';
  expect(statusOf({ host: 'evil.example', origin }, { method: 'POST' })).toBe(421);
  expect(statusOf({ origin }, { method: 'POST', token: TOKEN })).toBe(403);
  expect(statusOf({}, { method: 'POST', token: TOKEN })).toBe(405);
  expect(statusOf({}, { token: TOKEN })).toBe(401);
});

describe('a token', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  test('is taken as a bearer and as a password, with any name', () => {
    expect(statusOf({ authorization: `Bearer ${TOKEN}` }, { token: TOKEN })).toBe(200);
    fc.assert(
      fc.property(fc.string(), (name) => {
        fc.pre(!name.includes(':'));
        expect(statusOf({ authorization: basic(`${name}:${TOKEN}`) }, { token: TOKEN })).toBe(200);
      }),
    );
  });

  test('may have a colon in it', () => {
    const token = 'a:token:of:more:than:16';
    expect(statusOf({ authorization: basic(`me:${token}`) }, { token })).toBe(200);
    expect(statusOf({ authorization: basic(`me:${token.slice(2)}`) }, { token })).toBe(401);
  });

  test('is nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('Bearer ', 'Basic ', ''), (text, scheme) => {
        expect(statusOf({ authorization: `${scheme}${text}` }, { token: TOKEN })).toBe(401);
      }),
    );
  });

  test('is asked for everywhere but where a watchdog asks whether the service lives', () => {
    expect(statusOf({}, { token: TOKEN, url: '/healthz' })).toBe(200);
    expect(statusOf({}, { token: TOKEN, url: '/healthz?a=b' })).toBe(200);
    for (const url of ['/', '/healthz/', '/healthzz', '//healthz', '/metrics?/healthz', '/readyz#/healthz']) {
      expect(statusOf({}, { token: TOKEN, url })).toBe(401);
    }
  });
});
