import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coversNames, isDueForRenewal, readCertificate } from '../../../src/tls/certificate.ts';
import { openPrivateAuthority } from '../../../src/tls/private-ca.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const NOW_MS = Date.UTC(2026, 5, 1, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the facts of a certificate', () => {
  test('are its names in one form, its life and its fingerprint', async () => {
    const authority = await openPrivateAuthority(await tempFolder(), { stack: 'dev', nowMs: NOW_MS });
    const names = { dnsNames: ['Redis-1', 'localhost'], ipAddresses: ['127.0.0.1', '0:0:0:0:0:0:0:1', 'FD00::A'] };
    const { certificatePem } = await authority.issue({
      commonName: 'redis-1',
      names,
      usage: 'server',
      validityDays: 90,
    });
    const facts = readCertificate(certificatePem);
    expect(facts).toEqual({
      subject: 'O=redis-cluster-as-code, CN=redis-1',
      issuer: 'O=redis-cluster-as-code, CN=dev Redis Cluster CA',
      names: ['DNS:redis-1', 'DNS:localhost', 'IP:127.0.0.1', 'IP:::1', 'IP:fd00::a'],
      serialNumber: expect.stringMatching(/^[4-7][0-9A-F]{31}$/),
      notBeforeMs: NOW_MS - HOUR_MS,
      notAfterMs: NOW_MS + 90 * DAY_MS,
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    });
    expect(readCertificate(Buffer.from(certificatePem))).toEqual(facts);
  });

  test.each(['', 'garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'are refused where there is no certificate: %j',
    async (text) => {
      expect(await failureOf(() => readCertificate(text, 'node.crt'))).toMatchObject({
        code: 'CERTIFICATE_INVALID',
        message: "node.crt can't be read as a certificate in PEM form",
        hint: expect.stringContaining('openssl x509'),
      });
    },
  );
});

describe('a certificate is due for renewal', () => {
  const life = { notBeforeMs: 0, notAfterMs: 90 * DAY_MS };

  test.each([
    [-1, true],
    [0, false],
    [59 * DAY_MS, false],
    [60 * DAY_MS - 1, false],
    [60 * DAY_MS, true],
    [91 * DAY_MS, true],
  ])('at %i ms of 90 days: %s', (nowMs, isDue) => {
    expect(isDueForRenewal(life, nowMs)).toBe(isDue);
  });
});

describe('a certificate covers', () => {
  const facts = { names: ['DNS:redis-1', 'DNS:*.example.com', 'IP:127.0.0.1', 'IP:::1'] };

  test.each([
    [['redis-1'], [], true],
    [['REDIS-1'], ['127.0.0.1', '0:0::1'], true],
    [['node.example.com'], [], true],
    [['*.example.com'], [], true],
    [['example.com'], [], false],
    [['a.b.example.com'], [], false],
    [['redis-2'], [], false],
    [['redis-1', 'redis-2'], [], false],
    [['127.0.0.1'], [], false],
    [[], ['127.0.0.2'], false],
    [[], [], true],
  ])('%j and %j: %s', (dnsNames, ipAddresses, isCovered) => {
    expect(coversNames(facts, { dnsNames, ipAddresses })).toBe(isCovered);
  });

  test('all names that it was issued for, whatever they are, and no other', async () => {
    const authority = await openPrivateAuthority(await tempFolder(), { stack: 'dev', nowMs: NOW_MS });
    const names = fc.record({
      dnsNames: fc.array(fc.domain(), { maxLength: 4 }),
      ipAddresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 4 }),
    });
    const issued = fc.asyncProperty(names, async (wanted) => {
      const request = { commonName: 'redis-1', names: wanted, usage: 'server', validityDays: 1 } as const;
      const covering = readCertificate((await authority.issue(request)).certificatePem);
      expect(coversNames(covering, wanted)).toBe(true);
      expect(coversNames(covering, { ...wanted, dnsNames: [...wanted.dnsNames, 'of.nobody.invalid'] })).toBe(false);
      expect(coversNames(covering, { ...wanted, ipAddresses: [...wanted.ipAddresses, '192.0.2.253'] })).toBe(false);
    });
    await fc.assert(issued, { numRuns: 40 });
  });

  test('no name that only looks as if it were in it', async () => {
    const authority = await openPrivateAuthority(await tempFolder(), { stack: 'dev', nowMs: NOW_MS });
    const names = { dnsNames: ['a, DNS:other'], ipAddresses: [] };
    const { certificatePem } = await authority.issue({ commonName: 'a', names, usage: 'server', validityDays: 1 });
    expect(readCertificate(certificatePem).names).toEqual(['DNS:a, dns:other']);
  });
});
