import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
// oxlint-disable-next-line import/no-unassigned-import -- Node.js leaves it half loaded where toLegacyObject() is the first to need it
import 'node:tls';
import { promisify, inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { StackError } from '../../../src/errors.ts';
import { openPrivateAuthority, type CertificateAuthority } from '../../../src/tls/private-ca.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const NOW_MS = Date.UTC(2026, 5, 1, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const NODE = {
  commonName: 'redis-1',
  names: { dnsNames: ['redis-1'], ipAddresses: ['127.0.0.1', '::1'] },
  usage: 'server',
  validityDays: 90,
} as const;
const OID = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' };

async function open(folder: string, nowMs = NOW_MS): Promise<CertificateAuthority> {
  return openPrivateAuthority(folder, { stack: 'dev', nowMs });
}

function isSignedBy(certificatePem: string, authorityPem: string): boolean {
  const [certificate, authority] = [new X509Certificate(certificatePem), new X509Certificate(authorityPem)];
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe('an authority that is not there yet', () => {
  test('is made in files of the right modes', async () => {
    const folder = join(await tempFolder(), 'dev', 'tls');
    const { certificatePem, facts } = await open(folder);
    expect((await readdir(folder)).toSorted()).toEqual(['ca.crt', 'ca.pem']);
    expect(await modeOf(folder)).toBe('700');
    expect(await modeOf(join(folder, 'ca.pem'))).toBe('600');
    expect(await modeOf(join(folder, 'ca.crt'))).toBe('644');
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe(certificatePem);
    expect(facts).toMatchObject({
      subject: 'O=redis-cluster-as-code, CN=dev Redis Cluster CA',
      issuer: facts.subject,
      names: [],
      notBeforeMs: NOW_MS - DAY_MS,
      notAfterMs: NOW_MS + 3652 * DAY_MS,
    });
    expect(new X509Certificate(certificatePem).ca).toBe(true);
    expect(isSignedBy(certificatePem, certificatePem)).toBe(true);
  });

  test('has a life that may reach beyond 2049, where dates are written another way', async () => {
    const nowMs = Date.UTC(2045, 0, 1) + 1;
    const { facts } = await open(await tempFolder(), nowMs);
    expect(facts.notAfterMs).toBe(nowMs - 1 + 3652 * DAY_MS);
  });

  test('is one and the same for ten who ask at once, and no draft is left behind', async () => {
    const folder = await tempFolder();
    const authorities = await Promise.all(Array.from({ length: 10 }, () => open(folder)));
    expect(new Set(authorities.map(({ facts }) => facts.fingerprint)).size).toBe(1);
    expect((await readdir(folder)).toSorted()).toEqual(['ca.crt', 'ca.pem']);
    const issued = await Promise.all(authorities.map((authority) => authority.issue(NODE)));
    const kept = await readFile(join(folder, 'ca.crt'), 'utf8');
    expect(issued.every(({ certificatePem }) => isSignedBy(certificatePem, kept))).toBe(true);
  });

  test('is one and the same for two processes', async () => {
    const folder = await tempFolder();
    const module = JSON.stringify(join(import.meta.dirname, '../../../src/tls/private-ca.ts'));
    const options = JSON.stringify({ stack: 'dev', nowMs: NOW_MS });
    const script = `require(${module}).openPrivateAuthority(${JSON.stringify(folder)}, ${options}).then(({ facts }) => console.log(facts.fingerprint));`;
    const run = async (): Promise<string> =>
      (await promisify(execFile)(process.execPath, ['--import', 'tsx', '-e', script])).stdout;
    const [one, other] = await Promise.all([run(), run()]);
    expect(one).toBe(other);
    expect(one.trim()).toBe((await open(folder)).facts.fingerprint);
  });

  test('fails where a file stands in place of its folder', async () => {
    const folder = join(await tempFolder(), 'tls');
    await writeFile(folder, '');
    const failure = await failureOf(() => open(folder));
    expect(failure).toMatchObject({ code: 'SECRET_UNREADABLE', message: expect.stringContaining(folder) });
    await expectNoKeyIn(failure, folder);
  });
});

describe('an authority that is there', () => {
  test('is read again, and nothing is written', async () => {
    const folder = await tempFolder();
    const first = await open(folder);
    const before = await stat(join(folder, 'ca.crt'));
    const second = await open(folder, NOW_MS + YEAR_MS);
    expect(second.facts).toEqual(first.facts);
    expect((await stat(join(folder, 'ca.crt'))).ino).toBe(before.ino);
  });

  test.each([undefined, 'something else'])('gets its public certificate mended: %j', async (content) => {
    const folder = await tempFolder();
    const { certificatePem } = await open(folder);
    await writeFile(join(folder, 'ca.crt'), content ?? '');
    await open(folder);
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe(certificatePem);
    expect(await modeOf(join(folder, 'ca.crt'))).toBe('644');
  });

  test.each([0o640, 0o604, 0o620, 0o666])('is refused when others may use its file: mode %i', async (mode) => {
    const { failure, file } = await failureWith(async (kept) => chmod(kept, mode));
    expect(failure).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: `the certificate authority's file ${file} can be read or changed by other users`,
      hint: `chmod 600 ${file}`,
    });
  });

  test.each([
    ['empty', '', 'SECRET_UNREADABLE', 'is empty'],
    ['garbage', 'garbage\n', 'CERTIFICATE_INVALID', 'holds no certificate'],
  ])('is refused when its file is %s', async (_case, content, code, how) => {
    const { failure, file } = await failureWith(async (kept) => writeFile(kept, content));
    expect(failure).toMatchObject({
      code,
      message: `the certificate authority's file ${file} ${how}`,
      hint: expect.stringContaining(`rm ${file}`),
    });
  });

  test('is refused when its file is a folder', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'ca.pem'), { mode: 0o700 });
    expect(await failureOf(() => open(folder))).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: expect.stringContaining(join(folder, 'ca.pem')),
      hint: expect.stringContaining('ls -ld'),
    });
  });

  test('is refused when its key is of another certificate, is broken or is missing', async () => {
    const other = await tempFolder();
    await open(other);
    const otherKey = (await readFile(join(other, 'ca.pem'), 'utf8')).replace(/[\s\S]*(?=-----BEGIN PRIVATE)/, '');
    const cases = [
      [otherKey, 'has a key that does not belong to its certificate'],
      [otherKey.replace(/\nM/, '\nA'), 'holds no private key that can be read'],
      ['', 'holds no private key that can be read'],
    ] as const;
    for (const [key, how] of cases) {
      const { failure, file } = await failureWith(async (kept) => {
        const text = await readFile(kept, 'utf8');
        await writeFile(kept, text.replace(/-----BEGIN PRIVATE[\s\S]*/, key));
      });
      expect(failure).toMatchObject({
        code: 'CERTIFICATE_INVALID',
        message: `the certificate authority's file ${file} ${how}`,
        hint: expect.stringContaining(`rm ${file}`),
      });
      await expectNoKeyIn(failure, other);
    }
  });

  test('is refused when it may not sign others', async () => {
    const { failure } = await failureWith(async (file, authority) => {
      const { certificatePem, privateKeyPem } = await authority.issue(NODE);
      await writeFile(file, certificatePem + privateKeyPem.reveal());
    });
    expect(failure).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('has a certificate that may not sign others'),
    });
  });

  async function failureWith(
    spoil: (file: string, authority: CertificateAuthority) => Promise<void>,
  ): Promise<{ failure: StackError; file: string }> {
    const folder = await tempFolder();
    const file = join(folder, 'ca.pem');
    await spoil(file, await open(folder));
    const failure = await failureOf(() => open(folder));
    await expectNoKeyIn(failure, folder);
    return { failure, file };
  }
});

describe('the renewal of an authority', () => {
  test('happens when a third of its life is left, and not before', async () => {
    const folder = await tempFolder();
    const first = await open(folder);
    const third = (first.facts.notAfterMs - first.facts.notBeforeMs) / 3;
    const early = await open(folder, first.facts.notAfterMs - third - 1000);
    expect(early.facts).toEqual(first.facts);
    const nowMs = first.facts.notAfterMs - third;
    const renewed = await open(folder, nowMs);
    expect(renewed.facts).toMatchObject({ notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 3652 * DAY_MS });
    expect(renewed.facts.serialNumber).not.toBe(first.facts.serialNumber);
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe(renewed.certificatePem);
    expect(await modeOf(join(folder, 'ca.pem'))).toBe('600');
    expect((await open(folder, nowMs)).facts).toEqual(renewed.facts);
  });

  test('keeps what the old one signed valid, and what the new one signs valid for those who know the old one', async () => {
    const folder = await tempFolder();
    const old = await open(folder);
    const before = await old.issue(NODE);
    const renewed = await open(folder, NOW_MS + 8 * YEAR_MS);
    const after = await renewed.issue(NODE);
    expect(renewed.certificatePem).not.toBe(old.certificatePem);
    for (const { certificatePem } of [before, after]) {
      expect(isSignedBy(certificatePem, old.certificatePem)).toBe(true);
      expect(isSignedBy(certificatePem, renewed.certificatePem)).toBe(true);
    }
  });

  test('helps after its end too, and after a clock that was ahead', async () => {
    const folder = await tempFolder();
    await open(folder);
    const late = await open(folder, NOW_MS + 20 * YEAR_MS);
    expect(late.facts.notBeforeMs).toBe(NOW_MS + 20 * YEAR_MS - DAY_MS);
    expect((await open(folder)).facts.notBeforeMs).toBe(NOW_MS - DAY_MS);
  });
});

describe('an issued certificate', () => {
  test('is of the kind that was asked for', async () => {
    const authority = await open(await tempFolder());
    const server = new X509Certificate((await authority.issue(NODE)).certificatePem);
    const client = new X509Certificate(
      (await authority.issue({ ...NODE, usage: 'client', names: { dnsNames: [], ipAddresses: [] } })).certificatePem,
    );
    expect(server.keyUsage).toEqual([OID.serverAuth, OID.clientAuth]);
    expect(client.keyUsage).toEqual([OID.clientAuth]);
    expect(client.subjectAltName).toBeUndefined();
    expect([server.ca, client.ca]).toEqual([false, false]);
    expect(server.checkIP('::1')).toBe('::1');
    expect(server.checkHost('redis-1')).toBe('redis-1');
  });

  test('has a key of its own, which nobody sees by accident', async () => {
    const authority = await open(await tempFolder());
    const [one, other] = await Promise.all([authority.issue(NODE), authority.issue(NODE)]);
    expect(one.privateKeyPem.reveal()).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(one.privateKeyPem.reveal()).not.toBe(other.privateKeyPem.reveal());
    expect(inspect(one, { depth: 10, showHidden: true })).not.toContain('PRIVATE KEY');
    expect(JSON.stringify(one)).not.toContain('PRIVATE KEY');
  });

  test('never begins before the authority or outlives it', async () => {
    const folder = await tempFolder();
    const { facts } = await open(folder);
    const long = await open(folder, NOW_MS + 2 * YEAR_MS);
    const issued = new X509Certificate((await long.issue({ ...NODE, validityDays: 3650 })).certificatePem);
    expect(Date.parse(issued.validTo)).toBe(facts.notAfterMs);
    const early = await open(folder, facts.notBeforeMs + 60_000);
    const first = new X509Certificate((await early.issue(NODE)).certificatePem);
    expect(Date.parse(first.validFrom)).toBe(facts.notBeforeMs);
  });

  test('takes names literally, and cuts a common name to what X.509 allows', async () => {
    const authority = await open(await tempFolder());
    const commonNameFor = async (commonName: string): Promise<unknown> =>
      new X509Certificate((await authority.issue({ ...NODE, commonName })).certificatePem).toLegacyObject().subject.CN;
    expect(await commonNameFor('a"b"\\c, O=other')).toBe('a"b"\\c, O=other');
    expect(await commonNameFor('x'.repeat(80))).toBe('x'.repeat(64));
  });

  test('is not of the authority of another stack', async () => {
    const [one, other] = await Promise.all([open(await tempFolder()), open(await tempFolder())]);
    const { certificatePem } = await one.issue(NODE);
    expect(isSignedBy(certificatePem, one.certificatePem)).toBe(true);
    expect(isSignedBy(certificatePem, other.certificatePem)).toBe(false);
  });

  test('satisfies the strict rules of OpenSSL, where that is at hand', async ({ skip }) => {
    const openssl = async (words: string[]): Promise<string> => (await promisify(execFile)('openssl', words)).stdout;
    if (!(await openssl(['version']).then(Boolean, () => false))) skip();
    const folder = await tempFolder();
    const authority = await open(folder, Date.now());
    const file = join(folder, 'node.crt');
    await writeFile(file, (await authority.issue(NODE)).certificatePem);
    for (const purpose of ['sslserver', 'sslclient']) {
      const strict = [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-verify_ip',
        '::1',
        '-verify_hostname',
        'redis-1',
      ];
      const stdout = await openssl([...strict, '-CAfile', join(folder, 'ca.crt'), file]);
      expect(stdout).toBe(`${file}: OK\n`);
    }
  });
});

/** Neither the error nor anything that hangs on it shows a line of the key in `folder`. */
async function expectNoKeyIn(failure: StackError, folder: string): Promise<void> {
  const shown = inspect(failure, { depth: 10, showHidden: true });
  expect(shown).not.toContain('PRIVATE KEY-----\n');
  const text = await readFile(join(folder, 'ca.pem'), 'utf8').catch(() => '');
  const key = text.replace(/[\s\S]*-----BEGIN PRIVATE KEY-----|-----END[\s\S]*/g, '').trim();
  for (const line of key.split('\n').filter((one) => one.length > 20)) expect(shown).not.toContain(line);
}
