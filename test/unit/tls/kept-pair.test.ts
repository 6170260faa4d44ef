import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepPair } from '../../../src/tls/kept-pair.ts';
import { openPrivateAuthority, type CertificateAuthority } from '../../../src/tls/private-ca.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const NOW_MS = Date.UTC(2026, 5, 1, 12);
const DAY_MS = 86_400_000;

interface Kept {
  readonly file: string;
  readonly authority: CertificateAuthority;
  /** Keeps the pair once more, and says whether it was made anew. */
  readonly again: (nowMs?: number, caPem?: string) => Promise<boolean>;
}

async function keep(): Promise<Kept> {
  const folder = await tempFolder();
  const file = join(folder, 'client.pem');
  const authority = await openPrivateAuthority(join(folder, 'tls'), { stack: 'dev', nowMs: NOW_MS });
  const again = async (nowMs = NOW_MS, caPem = authority.certificatePem): Promise<boolean> => {
    let isIssued = false;
    await keepPair(file, caPem, nowMs, () => {
      isIssued = true;
      const names = { dnsNames: [], ipAddresses: [] };
      return authority.issue({ commonName: 'client', names, usage: 'client', validityDays: 90 });
    });
    return isIssued;
  };
  expect(await again()).toBe(true);
  return { file, authority, again };
}

test('is made once, key and certificate in one file of its owner', async () => {
  const { file, again } = await keep();
  expect(await again()).toBe(false);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----[^]*-----BEGIN CERTIFICATE-----/);
});

test('is made anew with a third of its life left, and for another authority', async () => {
  const { again } = await keep();
  expect(await again(NOW_MS + 59 * DAY_MS)).toBe(false);
  expect(await again(NOW_MS + 61 * DAY_MS)).toBe(true);
  const stranger = await openPrivateAuthority(await tempFolder(), { stack: 'other', nowMs: NOW_MS });
  expect(await again(NOW_MS, stranger.certificatePem)).toBe(true);
});

test.each([
  ['empty', () => ''],
  ['garbage in its frame', (pem: string) => pem.replace(/(BEGIN CERTIFICATE-----\n).*/, '$1AAAA')],
  ['without its key', (pem: string) => pem.replace(/[^]*END PRIVATE KEY-----\n/, '')],
  ['without its certificate', (pem: string) => pem.replace(/-----BEGIN CERT[^]*/, '')],
])('is made anew where it was spoilt: %s', async (_how, spoil) => {
  const { file, again } = await keep();
  await writeFile(file, spoil(await readFile(file, 'utf8')));
  expect(await again()).toBe(true);
  expect(await again()).toBe(false);
});

test('a file that others may read, or that is a folder, is refused', async () => {
  const { file, again, authority } = await keep();
  await writeFile(`${file}.open`, await readFile(file), { mode: 0o644 });
  const none = (): Promise<never> => Promise.reject(new Error('nothing is to be issued'));
  const keepIn = (place: string): Promise<void> => keepPair(place, authority.certificatePem, NOW_MS, none);
  expect(await failureOf(() => keepIn(`${file}.open`))).toMatchObject({ code: 'SECRET_UNREADABLE' });
  expect(await failureOf(() => keepIn(join(file, '..', 'tls')))).toMatchObject({ code: 'SECRET_UNREADABLE' });
  expect(await again()).toBe(false);
});
