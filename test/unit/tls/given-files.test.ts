import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { StackError } from '../../../src/errors.ts';
import { readCertificate } from '../../../src/tls/certificate.ts';
import { divideChain } from '../../../src/tls/chain.ts';
import { readGivenPair, type GivenFiles } from '../../../src/tls/given-files.ts';
import { openPrivateAuthority } from '../../../src/tls/private-ca.ts';
import { distinguishedName, loadLibrary, publicKeyInDer, sign, type Signer } from '../../../src/tls/x509.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const NOW_MS = Date.UTC(2026, 5, 1, 12);
const DAY_MS = 86_400_000;
const LONG = { notBeforeMs: NOW_MS - 400 * DAY_MS, notAfterMs: NOW_MS + 400 * DAY_MS };
const NODE = {
  commonName: 'redis-1',
  names: { dnsNames: ['redis-1'], ipAddresses: ['127.0.0.1'] },
  usage: 'server',
  validityDays: 90,
} as const;

interface Contents {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** What an authority of its own signed, written to three files, after `change` had its way with them. */
async function givenFiles(change: Partial<Contents> = {}, signedMs = NOW_MS): Promise<GivenFiles & Contents> {
  const folder = await tempFolder();
  const authority = await openPrivateAuthority(join(folder, 'tls'), { stack: 'dev', nowMs: signedMs });
  const pair = await authority.issue(NODE);
  const contents = {
    ca: authority.certificatePem,
    certificate: pair.certificatePem,
    key: pair.privateKeyPem.reveal(),
    ...change,
  };
  return { ...contents, ...(await written(folder, contents)) };
}

async function written(folder: string, { ca, certificate, key }: Contents): Promise<GivenFiles> {
  const files = {
    caFile: join(folder, 'root.pem'),
    certificateFile: join(folder, 'node.pem'),
    keyFile: join(folder, 'node.key'),
  };
  await Promise.all([
    writeFile(files.caFile, ca),
    writeFile(files.certificateFile, certificate),
    writeFile(files.keyFile, key),
  ]);
  return files;
}

describe('a certificate of the user', () => {
  test('is read with its authority, its key and its facts', async () => {
    const files = await givenFiles();
    const pair = await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth']);
    expect(pair).toMatchObject({ caPem: files.ca, certificatePem: files.certificate });
    expect(pair.privateKeyPem.reveal()).toBe(files.key);
    expect(pair.facts).toEqual(readCertificate(files.certificate));
  });

  test('may have its key in the form of its kind, prose around it and Windows line breaks', async () => {
    const { certificate, key, ...files } = await givenFiles();
    const sec1 = createPrivateKey(key).export({ type: 'sec1', format: 'pem' }).toString();
    await writeFile(
      files.keyFile,
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
    );
    await writeFile(files.certificateFile, `Certificate:\n    Data: - --\n${certificate}`.replaceAll('\n', '\r\n'));
    const pair = await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth']);
    expect(pair.privateKeyPem.reveal()).toBe(key);
    expect(pair.certificatePem).toBe(certificate);
  });

  test('may be signed by one of several authorities', async () => {
    const [files, other] = await Promise.all([givenFiles(), givenFiles()]);
    await writeFile(files.caFile, other.ca + files.ca);
    expect((await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth'])).caPem).toBe(other.ca + files.ca);
  });

  test('may sign itself and be its own authority', async () => {
    const own = await selfSigned('redis-1', { isAuthority: false });
    const files = await written(await tempFolder(), { ca: pemOf(own), certificate: pemOf(own), key: keyOf(own) });
    expect((await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth'])).facts.subject).toBe('O=test, CN=redis-1');
  });
});

describe('a certificate below intermediates', () => {
  test('leads to its authority through those that come after it, in any order', async () => {
    const { root, first, second, leaf } = await chain();
    const certificate = [leaf, first, second].map(pemOf).join('');
    const files = await written(await tempFolder(), { ca: pemOf(root), certificate, key: keyOf(leaf) });
    expect(await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth'])).toMatchObject({
      certificatePem: certificate,
    });
  });

  test('leads through the valid one of two of the same name and key', async () => {
    const { root, first, leaf, second } = await chain();
    const expired = await signedBy(root, 'first', { notBeforeMs: 0, notAfterMs: DAY_MS, isAuthority: true, of: first });
    const certificate = [leaf, second, expired, first].map(pemOf).join('');
    const files = await written(await tempFolder(), { ca: pemOf(root), certificate, key: keyOf(leaf) });
    expect((await readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth'])).facts.subject).toBe('O=test, CN=leaf');
  });

  test.each(['without one of them', 'with an intermediate in place of the root', 'from one that may not sign'])(
    'is refused %s',
    async (how) => {
      const { root, first, second, leaf } = await chain(how !== 'from one that may not sign');
      const hasNoRoot = how === 'with an intermediate in place of the root';
      const certificate = [leaf, second, ...(how === 'without one of them' ? [] : [first])].map(pemOf).join('');
      const ca = pemOf(hasNoRoot ? first : root);
      const files = await written(await tempFolder(), { ca, certificate, key: keyOf(leaf) });
      expect(await refusalOf(files)).toMatchObject({
        code: 'CERTIFICATE_INVALID',
        message: `the certificate in ${files.certificateFile} does not lead to an authority in ${files.caFile}`,
      });
    },
  );

  test('is refused where one on the way has expired', async () => {
    const { root, first, second, leaf } = await chain();
    const expired = await signedBy(root, 'first', { notBeforeMs: 0, notAfterMs: DAY_MS, isAuthority: true, of: first });
    const certificate = [leaf, second, expired].map(pemOf).join('');
    const files = await written(await tempFolder(), { ca: pemOf(root), certificate, key: keyOf(leaf) });
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the certificate of O=test, CN=first in ${files.certificateFile} expired on 1970-01-02T00:00:00.000Z`,
    });
  });
});

describe('a certificate that would not work is refused:', () => {
  test('signed by somebody else', async () => {
    const files = await givenFiles({ ca: (await givenFiles()).ca });
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the certificate in ${files.certificateFile} does not lead to an authority in ${files.caFile}`,
      hint: expect.stringContaining(`openssl verify -CAfile ${files.caFile}`),
      details: [
        `${files.certificateFile} was signed by O=redis-cluster-as-code, CN=dev Redis Cluster CA`,
        `${files.caFile} holds O=redis-cluster-as-code, CN=dev Redis Cluster CA`,
      ],
    });
  });

  test('with the key of another', async () => {
    const other = await givenFiles();
    const files = await givenFiles({ key: other.key });
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the key in ${files.keyFile} does not belong to the first certificate in ${files.certificateFile}`,
      hint: expect.stringContaining('before its intermediates'),
    });
  });

  test('expired', async () => {
    const files = await givenFiles({}, NOW_MS - 91 * DAY_MS);
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the certificate of O=redis-cluster-as-code, CN=redis-1 in ${files.certificateFile} expired on 2026-05-31T12:00:00.000Z`,
      hint: expect.arrayContaining([{ run: 'up' }]),
    });
  });

  test('not valid yet', async () => {
    const files = await givenFiles({}, NOW_MS + DAY_MS / 2);
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the certificate of O=redis-cluster-as-code, CN=redis-1 in ${files.certificateFile} is not valid before 2026-06-01T23:00:00.000Z`,
      hint: 'Is the clock right? Here it is 2026-06-01T12:00:00.000Z.',
    });
  });

  test('with an authority that has expired', async () => {
    const root = await selfSigned('root', { notBeforeMs: 0, notAfterMs: DAY_MS });
    const leaf = await signedBy(root, 'leaf');
    const files = await written(await tempFolder(), { ca: pemOf(root), certificate: pemOf(leaf), key: keyOf(leaf) });
    expect(await refusalOf(files)).toMatchObject({
      message: `the certificate of O=test, CN=root in ${files.caFile} expired on 1970-01-02T00:00:00.000Z`,
    });
  });

  test('made for clients only, where it is to be a node', async () => {
    const folder = await tempFolder();
    const authority = await openPrivateAuthority(folder, { stack: 'dev', nowMs: NOW_MS });
    const pair = await authority.issue({ ...NODE, usage: 'client' });
    const key = pair.privateKeyPem.reveal();
    const files = await written(folder, { ca: authority.certificatePem, certificate: pair.certificatePem, key });
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `the certificate in ${files.certificateFile} is not made for serverAuth`,
      hint: expect.stringContaining('extendedKeyUsage = serverAuth, clientAuth'),
    });
    expect((await readGivenPair(files, NOW_MS, ['clientAuth'])).privateKeyPem.reveal()).toBe(key);
  });
});

describe('what an issuer gives', () => {
  test('is divided into what a node serves and the roots that its clients trust', async () => {
    const { root, first, second, leaf } = await chain();
    const given = [second, first, root].map(pemOf).join('');
    expect(divideChain(pemOf(leaf), given, NOW_MS)).toEqual({
      certificatePem: [leaf, second, first].map(pemOf).join(''),
      rootsPem: pemOf(root),
    });
  });

  test('may have its root from elsewhere, and what stands twice counts once', async () => {
    const { root, first, second, leaf } = await chain();
    const given = [second, first, second].map(pemOf).join('');
    expect(divideChain(pemOf(leaf), given, NOW_MS)).toBeUndefined();
    expect(divideChain(pemOf(leaf), given + pemOf(root), NOW_MS)?.rootsPem).toBe(pemOf(root));
  });

  test('needs no chain where the root itself signed', async () => {
    const root = await selfSigned('root');
    const leaf = await signedBy(root, 'leaf');
    expect(divideChain(pemOf(leaf), pemOf(root), NOW_MS)).toEqual({
      certificatePem: pemOf(leaf),
      rootsPem: pemOf(root),
    });
  });
});

describe('a file that is of no use is refused:', () => {
  const parts = [
    ['caFile', 'CERTIFICATE_INVALID', 'certificate'],
    ['certificateFile', 'CERTIFICATE_INVALID', 'certificate'],
    ['keyFile', 'SECRET_UNREADABLE', 'private key'],
  ] as const;

  test.each(parts)('%s that is missing', async (part, code, what) => {
    const files = await givenFiles();
    const missing = `${files[part]}.missing`;
    expect(await refusalOf({ ...files, [part]: missing })).toMatchObject({
      code,
      message: `there is no ${what} file ${missing}`,
      hint: expect.stringContaining('under `tls` in the YAML file'),
    });
  });

  test.each(parts)('%s that is a folder', async (part, code, what) => {
    const files = await givenFiles();
    const folder = `${files[part]}.folder`;
    await mkdir(folder);
    expect(await refusalOf({ ...files, [part]: folder })).toMatchObject({
      code,
      message: expect.stringContaining(`the ${what} file ${folder} can't be read: EISDIR`),
      hint: expect.stringContaining(`ls -ld ${folder}`),
    });
  });

  test.each(parts.flatMap(([part, code, what]) => ['', 'garbage'].map((text) => [part, text, code, what] as const)))(
    '%s that reads %j',
    async (part, text, code, what) => {
      const files = await givenFiles();
      await writeFile(files[part], text);
      expect(await refusalOf(files)).toMatchObject({
        code,
        message: `${files[part]} can't be read as a ${what} in PEM form`,
        hint: expect.stringContaining('openssl'),
      });
    },
  );

  test('a second certificate that is broken', async () => {
    const files = await givenFiles();
    await writeFile(
      files.certificateFile,
      `${files.certificate}-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n`,
    );
    expect(await refusalOf(files)).toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: `${files.certificateFile} can't be read as a certificate in PEM form`,
    });
  });

  test.each(['pkcs8', 'sec1'] as const)('a key that is encrypted, in the form %s', async (type) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sealed = privateKey.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' });
    const files = await givenFiles({ key: sealed.toString() });
    expect(await refusalOf(files)).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: `the private key in ${files.keyFile} is encrypted`,
      hint: expect.stringContaining(`openssl pkey -in ${files.keyFile}`),
    });
  });

  test('a key that is cut off', async () => {
    const { key, ...files } = await givenFiles();
    await writeFile(files.keyFile, key.replace(/.{20}\n-----END/, '\n-----END'));
    expect(await refusalOf({ ...files, key })).toMatchObject({ code: 'SECRET_UNREADABLE' });
  });
});

/** How the files are refused; in whatever way, no line of their key is told. */
async function refusalOf(files: GivenFiles & Partial<Contents>): Promise<StackError> {
  const failure = await failureOf(() => readGivenPair(files, NOW_MS, ['serverAuth', 'clientAuth']));
  const shown = inspect(failure, { depth: 10, showHidden: true });
  const lines = (files.key ?? '').split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
  for (const line of lines) expect(shown).not.toContain(line);
  return failure;
}

interface Options {
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly isAuthority?: boolean;
  /** Whose key it gets; one of its own by default. */
  readonly of?: Signer;
}

/** root → first → second → leaf */
async function chain(isFirstAuthority = true): Promise<Record<'root' | 'first' | 'second' | 'leaf', Signer>> {
  const root = await selfSigned('root');
  const first = await signedBy(root, 'first', { isAuthority: isFirstAuthority });
  const second = await signedBy(first, 'second', { isAuthority: true });
  return { root, first, second, leaf: await signedBy(second, 'leaf') };
}

async function signedBy(issuer: Signer, name: string, options: Options = {}): Promise<Signer> {
  return signAs(name, issuer.certificate.subject.replace(/[\s\S]*CN=/, ''), issuer, options);
}

async function selfSigned(name: string, options: Options = {}): Promise<Signer> {
  return signAs(name, name, undefined, { isAuthority: true, ...options });
}

async function signAs(name: string, issuerName: string, issuer: Signer | undefined, options: Options): Promise<Signer> {
  const library = await loadLibrary();
  const { privateKey } = options.of ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = await sign(
    {
      subject: distinguishedName(library, 'test', name),
      issuer: distinguishedName(library, 'test', issuerName),
      ...LONG,
      ...options,
      publicKey: publicKeyInDer(createPublicKey(privateKey)),
      extensions: [new library.BasicConstraintsExtension(options.isAuthority ?? false, undefined, true)],
    },
    issuer?.privateKey ?? privateKey,
  );
  return { certificate, privateKey };
}

function pemOf({ certificate }: Signer): string {
  return certificate.toString();
}

function keyOf({ privateKey }: Signer): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
