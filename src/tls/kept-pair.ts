import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { orUnreadable, readPrivateFile, replaceFile, type Circle } from '../kept-files.ts';
import { Secret } from '../secret.ts';
import { certificatesIn, factsOf, isDueForRenewal, parseCertificate, privateKeyIn } from './certificate.ts';
import { pathToAuthority } from './chain.ts';
import type { IssuedPair } from './issue.ts';

const WHAT = 'the file of the certificate for clients on this host';

/**
 * Keeps a certificate with its key in `file`, one that `caPem` has signed: where there is none, or its end is near, or it
 * is of another authority, `issue` gives a new one.
 */
export async function keepPair(
  file: string,
  caPem: string,
  nowMs: number,
  issue: () => Promise<IssuedPair>,
  circle?: Circle,
): Promise<void> {
  const kept = await readPrivateFile(file, WHAT, circle);
  if (kept !== undefined && isStillGood(kept, caPem, nowMs)) return;
  const pair = inOnePem(await issue());
  await orUnreadable(file, WHAT, () => replaceFile(file, pair.reveal(), 0o600, circle));
}

/** Key and certificates in one text, so that no half of them can be old. */
export function inOnePem({ certificatePem, privateKeyPem }: IssuedPair): Secret {
  return new Secret(`${privateKeyPem.reveal().trimEnd()}\n${certificatePem}`);
}

/** What can't be read for what it is, was spoilt, and is made anew like what is missing. */
function isStillGood(text: string, caPem: string, nowMs: number): boolean {
  try {
    const [certificate, ...intermediates] = parseAll(text);
    if (certificate === undefined || isDueForRenewal(factsOf(certificate), nowMs)) return false;
    const isOwn = certificate.checkPrivateKey(createPrivateKey(privateKeyIn(text) ?? ''));
    return isOwn && pathToAuthority(certificate, intermediates, parseAll(caPem), nowMs) !== undefined;
  } catch {
    return false;
  }
}

function parseAll(pem: string): X509Certificate[] {
  return certificatesIn(pem).map((one) => parseCertificate(one, 'what is kept'));
}
