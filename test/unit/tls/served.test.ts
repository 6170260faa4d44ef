import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { StackError } from '../../../src/errors.ts';
import { Secret } from '../../../src/secret.ts';
import { readCertificate, type CertificateNames } from '../../../src/tls/certificate.ts';
import type { IssuedPair } from '../../../src/tls/issue.ts';
import { openPrivateAuthority, type CertificateAuthority } from '../../../src/tls/private-ca.ts';
import { observeServed, type Served, type Trust } from '../../../src/tls/served.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const HOST = '127.0.0.1';
const DAY_MS = 86_400_000;
const LOOPBACK: CertificateNames = { dnsNames: ['localhost'], ipAddresses: [HOST] };

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => once(server.close(), 'close')));
});

async function authority(nowMs = Date.now()): Promise<CertificateAuthority> {
  return openPrivateAuthority(await tempFolder(), { stack: 'dev', nowMs });
}

async function nodePair(
  from: CertificateAuthority,
  names = LOOPBACK,
  usage: 'server' | 'client' = 'server',
): Promise<IssuedPair> {
  return from.issue({ commonName: 'redis-1', names, usage, validityDays: 1 });
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, HOST), 'listening');
  return (server.address() as AddressInfo).port;
}

/** The port of a server with this certificate, which tells what its clients showed. */
async function serve({ certificatePem, privateKeyPem }: IssuedPair, options: TlsOptions = {}): Promise<number> {
  const server = createTlsServer({ ...options, cert: certificatePem, key: privateKeyPem.reveal() });
  server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  return listen(server);
}

async function observe(port: number, trust: Trust, host = HOST): Promise<Served> {
  const { signal } = new AbortController();
  return observeServed({ host, port }, trust, { signal, timeoutMs: 5000 });
}

describe('a server of the trusted authority', () => {
  let ours: CertificateAuthority;
  let pair: IssuedPair;
  beforeAll(async () => {
    ours = await authority();
    pair = await nodePair(ours);
  });

  test.each([HOST, 'localhost'])('is trusted under %s', async (host) => {
    const served = await observe(await serve(pair), { caPem: ours.certificatePem }, host);
    expect(served).toEqual({ state: 'trusted', facts: readCertificate(pair.certificatePem) });
  });

  test('is trusted by who knows one authority among others', async () => {
    const caPem = (await authority()).certificatePem + ours.certificatePem;
    expect(await observe(await serve(pair), { caPem })).toMatchObject({ state: 'trusted' });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('that wants a certificate of %s clients gets it', async (version) => {
    const client = await nodePair(ours, { dnsNames: [], ipAddresses: [] }, 'client');
    const demands = { ca: ours.certificatePem, requestCert: true, minVersion: version, maxVersion: version };
    const port = await serve(pair, demands);
    const shown = servers.map(async (server) => once(server, 'secureConnection'));
    expect(await observe(port, { caPem: ours.certificatePem, client })).toMatchObject({ state: 'trusted' });
    const [[socket]] = (await Promise.all(shown)) as [[{ authorized: boolean }]];
    expect(socket.authorized).toBe(true);
  });

  test('that wants a certificate of its clients gets it from one file with the key, too', async () => {
    const { certificatePem, privateKeyPem } = await nodePair(ours, { dnsNames: [], ipAddresses: [] }, 'client');
    const inOne = privateKeyPem.reveal() + certificatePem;
    const client = { certificatePem: inOne, privateKeyPem: new Secret(inOne) };
    const port = await serve(pair, { ca: ours.certificatePem, requestCert: true, maxVersion: 'TLSv1.2' });
    expect(await observe(port, { caPem: ours.certificatePem, client })).toMatchObject({ state: 'trusted' });
  });

  test('that wants a certificate of its clients is trusted by one without, too: its own is known by then', async () => {
    const port = await serve(pair, { ca: ours.certificatePem, requestCert: true, minVersion: 'TLSv1.3' });
    expect(await observe(port, { caPem: ours.certificatePem })).toMatchObject({ state: 'trusted' });
  });

  test('is untrusted under a name that its certificate lacks', async () => {
    const elsewhere = await nodePair(ours, { dnsNames: ['redis-1'], ipAddresses: ['192.0.2.1'] });
    const port = await serve(elsewhere);
    for (const host of [HOST, 'localhost']) {
      expect(await observe(port, { caPem: ours.certificatePem }, host)).toEqual({
        state: 'untrusted',
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
        reason: `its certificate does not name ${host}`,
        facts: readCertificate(elsewhere.certificatePem),
      });
    }
  });

  test('is untrusted with the certificate of a client', async () => {
    const port = await serve(await nodePair(ours, LOOPBACK, 'client'));
    expect(await observe(port, { caPem: ours.certificatePem })).toMatchObject({
      state: 'untrusted',
      code: 'INVALID_PURPOSE',
      reason: 'its certificate is not made for servers',
    });
  });
});

describe('a certificate out of its time', () => {
  test('is untrusted once it has expired', async () => {
    const ours = await authority(Date.now() - 30 * DAY_MS);
    const pair = await nodePair(ours);
    expect(await observe(await serve(pair), { caPem: ours.certificatePem })).toEqual({
      state: 'untrusted',
      code: 'CERT_HAS_EXPIRED',
      reason: expect.stringContaining('expired'),
      facts: readCertificate(pair.certificatePem),
    });
  });

  test('is untrusted before it is valid', async () => {
    const ours = await authority(Date.now() + 30 * DAY_MS);
    expect(await observe(await serve(await nodePair(ours)), { caPem: ours.certificatePem })).toMatchObject({
      state: 'untrusted',
      code: 'CERT_NOT_YET_VALID',
      facts: { subject: 'O=redis-cluster-as-code, CN=redis-1' },
    });
  });
});

describe('a server of another authority', () => {
  test('is untrusted, also where both authorities have the same name, and its certificate is told', async () => {
    const [ours, theirs] = await Promise.all([authority(), authority()]);
    const pair = await nodePair(theirs);
    expect(await observe(await serve(pair), { caPem: ours.certificatePem })).toEqual({
      state: 'untrusted',
      code: expect.stringMatching(/^UNABLE_TO_|^CERT_SIGNATURE_FAILURE$/),
      reason: 'its certificate is not signed by the authority that is trusted here',
      facts: readCertificate(pair.certificatePem),
    });
  });

  test('is untrusted where no authority is trusted at all', async () => {
    const port = await serve(await nodePair(await authority()));
    expect(await observe(port, { caPem: '' })).toMatchObject({ state: 'untrusted' });
  });
});

describe('where there is no TLS server for this client', () => {
  const nobody: Trust = { caPem: '' };

  test('nobody may listen', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await once(server.close(), 'close');
    servers.length = 0;
    expect(await observe(port, nobody)).toEqual({
      state: 'absent',
      code: 'ECONNREFUSED',
      reason: 'nobody listens there',
    });
  });

  test('another protocol may be spoken', async () => {
    const port = await listen(
      createTcpServer((socket) =>
        socket
          .on('error', () => undefined)
          .resume()
          .end('-ERR unknown command\r\n'),
      ),
    );
    expect(await observe(port, nobody)).toMatchObject({
      state: 'absent',
      reason: 'what listens there does not speak TLS',
    });
  });

  test('the connection may be closed at once', async () => {
    const port = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await observe(port, nobody)).toEqual({
      state: 'absent',
      code: 'ECONNRESET',
      reason: 'the connection was closed before anything was shown',
    });
  });

  test('nothing may be said: the wait has an end', async () => {
    const port = await listen(createTcpServer((socket) => socket.on('error', () => undefined).resume()));
    const { signal } = new AbortController();
    expect(await observeServed({ host: HOST, port }, nobody, { signal, timeoutMs: 50 })).toEqual({
      state: 'absent',
      code: 'ETIMEDOUT',
      reason: 'no TLS handshake within 50ms',
    });
  });

  test('it may refuse this client', async () => {
    const ours = await authority();
    const rsaOnly = { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const;
    const port = await serve(await nodePair(ours), rsaOnly);
    expect(await observe(port, { caPem: ours.certificatePem })).toEqual({
      state: 'refused',
      code: expect.stringContaining('ALERT_HANDSHAKE_FAILURE'),
      reason: expect.stringContaining('it ended the handshake'),
    });
  });
});

test('an abort ends the look with its reason', async () => {
  const port = await listen(createTcpServer((socket) => socket.on('error', () => undefined).resume()));
  const controller = new AbortController();
  const looking = observeServed({ host: HOST, port }, { caPem: '' }, { signal: controller.signal, timeoutMs: 5000 });
  controller.abort(new StackError('INTERRUPTED', { message: 'interrupted' }));
  await expect(looking).rejects.toMatchObject({ code: 'INTERRUPTED' });
});
