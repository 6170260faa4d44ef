import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError, type FailureCode } from '../errors.ts';
import { createOnce, orUnreadable, readPrivateFile, replaceFile, unreadable, type Circle } from '../kept-files.ts';
import { factsOf, isDueForRenewal, parseCertificate, privateKeyIn, type CertificateFacts } from './certificate.ts';
import { issuePair, makeAuthority, renewAuthority, type IssuedPair, type IssueRequest } from './issue.ts';
import type { Signer } from './x509.ts';

/** Certificate and key are in one file, so that there is never one without the other. */
export const KEPT_AUTHORITY = 'ca.pem';
/** The certificate alone: what clients are given. It follows from the other file. */
const PUBLIC = 'ca.crt';
/** How messages call the file. */
const AUTHORITY = "the certificate authority's file";

export interface CertificateAuthority {
  readonly certificatePem: string;
  readonly facts: CertificateFacts;
  /** Its dates count from the `nowMs` with which the authority was opened. */
  issue(request: IssueRequest): Promise<IssuedPair>;
}

/**
 * The stack's own certificate authority, kept in `folder` and made on first use. Two processes that make it at once end
 * up with the same. With a third of its ten years left it gets a new certificate for the same key. (Two processes that
 * renew it at once may for a moment speak of two certificates: either verifies everything.)
 *
 * @throws StackError SECRET_UNREADABLE when its file can't be used, is empty, or is open to other users;
 *   CERTIFICATE_INVALID when what is in it is no authority.
 */
export async function openPrivateAuthority(
  folder: string,
  { stack, nowMs, circle }: { readonly stack: string; readonly nowMs: number; readonly circle?: Circle },
): Promise<CertificateAuthority> {
  const kept = { file: join(folder, KEPT_AUTHORITY), circle };
  const present = (await readAuthority(kept)) ?? (await createAuthority(kept, stack, nowMs));
  const authority = await inGoodTime(kept, present, nowMs);
  const certificatePem = authority.certificate.toString();
  await publish(join(folder, PUBLIC), certificatePem);
  return {
    certificatePem,
    facts: factsOf(authority.certificate),
    issue: (request) => issuePair(authority, request, nowMs),
  };
}

interface Kept {
  readonly file: string;
  readonly circle: Circle | undefined;
}

async function createAuthority(kept: Kept, stack: string, nowMs: number): Promise<Signer> {
  const { file, circle } = kept;
  const content = toPem(await makeAuthority(stack, nowMs));
  await orUnreadable(file, AUTHORITY, () => createOnce(file, content, 0o600, circle));
  return readAgain(kept);
}

async function inGoodTime(kept: Kept, authority: Signer, nowMs: number): Promise<Signer> {
  const { file, circle } = kept;
  if (!isDueForRenewal(factsOf(authority.certificate), nowMs)) return authority;
  const content = toPem(await renewAuthority(authority, nowMs));
  await orUnreadable(file, AUTHORITY, () => replaceFile(file, content, 0o600, circle));
  return readAgain(kept);
}

/** What counts is what the file says: another process may have been quicker. */
async function readAgain(kept: Kept): Promise<Signer> {
  const { file } = kept;
  const authority = await readAuthority(kept);
  if (authority === undefined)
    throw unreadable(file, AUTHORITY, 'it disappeared while it was created', `ls -ld ${file}`);
  return authority;
}

async function publish(file: string, certificatePem: string): Promise<void> {
  await orUnreadable(file, AUTHORITY, async () => {
    const published = await readFile(file, 'utf8').catch(() => undefined);
    if (published !== certificatePem) await replaceFile(file, certificatePem, 0o644);
  });
}

/** The file of an authority: its certificate, then its key. */
function toPem({ certificate, privateKey }: Signer): string {
  return certificate.toString() + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** undefined where there is no such file. @throws StackError SECRET_UNREADABLE, CERTIFICATE_INVALID */
async function readAuthority({ file, circle }: Kept): Promise<Signer | undefined> {
  const text = await readPrivateFile(file, AUTHORITY, circle);
  if (text === undefined) return undefined;
  if (text.trim() === '') throw spoilt('SECRET_UNREADABLE', file, 'is empty', undefined);
  const certificate = authorityIn(text, file);
  const privateKey = keyIn(text, file);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw spoilt('CERTIFICATE_INVALID', file, 'has a key that does not belong to its certificate', undefined);
  }
  return { certificate, privateKey };
}

function authorityIn(text: string, file: string): X509Certificate {
  let certificate;
  try {
    certificate = parseCertificate(text, file);
  } catch (error) {
    throw spoilt('CERTIFICATE_INVALID', file, 'holds no certificate', error);
  }
  if (certificate.ca) return certificate;
  throw spoilt('CERTIFICATE_INVALID', file, 'has a certificate that may not sign others', undefined);
}

function keyIn(text: string, file: string): KeyObject {
  let privateKey;
  try {
    privateKey = createPrivateKey(privateKeyIn(text) ?? '');
  } catch (error) {
    throw spoilt('CERTIFICATE_INVALID', file, 'holds no private key that can be read', error);
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') return privateKey;
  throw spoilt('CERTIFICATE_INVALID', file, 'has a key of another kind than ECDSA on P-256', undefined);
}

function spoilt(code: FailureCode, file: string, how: string, cause: unknown): StackError {
  return new StackError(code, {
    message: `${AUTHORITY} ${file} ${how}`,
    hint: `rm ${file}   # the next \`up\` creates a new authority and new certificates`,
    cause,
  });
}
