import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';
import { replaceFile } from '../kept-files.ts';
import { Secret } from '../secret.ts';
import { factsOf, isDueForRenewal, parseCertificate } from './certificate.ts';
import { pathToAuthority } from './chain.ts';
import type { IssuedPair } from './issue.ts';
import { certificatesIn } from './pem.ts';

/**
 * Keeps a certificate with its key in `file`, one that `caPem` has signed: where there is none, or its end is near, or it
 * is of another authority, `issue` gives a new one.
 */
export async function keepPair(
  file: string,
  caPem: string,
  nowMs: number,
  issue: () => Promise<IssuedPair>,
): Promise<void> {
  if (await isStillGood(file, caPem, nowMs)) return;
  await replaceFile(file, inOnePem(await issue()).reveal(), 0o600);
}

/** Key and certificates in one text, so that no half of them can be old. */
export function inOnePem({ certificatePem, privateKeyPem }: IssuedPair): Secret {
  return new Secret(`${privateKeyPem.reveal().trimEnd()}\n${certificatePem}`);
}

async function isStillGood(file: string, caPem: string, nowMs: number): Promise<boolean> {
  try {
    const [certificate, ...intermediates] = certificatesIn(await readFile(file, 'utf8')).map((pem) =>
      parseCertificate(pem, file),
    );
    if (certificate === undefined || isDueForRenewal(factsOf(certificate), nowMs)) return false;
    const authorities = certificatesIn(caPem).map((pem) => parseCertificate(pem, 'the authority'));
    return pathToAuthority(certificate, intermediates, authorities, nowMs) !== undefined;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
