import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorMessage, StackError, systemErrorCode, type FailureCode } from '../errors.ts';
import { hint, run } from '../hint.ts';
import { Secret } from '../secret.ts';
import { certificatesIn, factsOf, parseCertificate, privateKeyIn, type CertificateFacts } from './certificate.ts';
import { pathToAuthority, validityAt } from './chain.ts';

export interface GivenFiles {
  /** PEM of one authority or of several. */
  readonly caFile: string;
  /** PEM of the certificate itself, then of the intermediates between it and the authority, if there are any. */
  readonly certificateFile: string;
  /** PEM of its private key, of whatever kind, not encrypted. */
  readonly keyFile: string;
}

interface GivenPair {
  readonly caPem: string;
  /** With its intermediates. */
  readonly certificatePem: string;
  /** PKCS#8 in PEM form. */
  readonly privateKeyPem: Secret;
  readonly facts: CertificateFacts;
}

/** Object identifiers of RFC 5280 section 4.2.1.12. */
const USAGES = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;

/** What a certificate may have to be made for. On an encrypted cluster bus a node is a client of the others, too. */
export type Usage = keyof typeof USAGES;

/**
 * A certificate of the user's own with its key and authority, checked for all that would else only show when nodes and
 * clients refuse each other at `nowMs`. Whether it names a host is the caller's to ask: see `coversNames`.
 *
 * The modes of the files are their owner's business: keys for tests lie in repositories, and on some mounts (Windows
 * drives under WSL) every file is everybody's. A key that somebody else put there wouldn't fit the certificate.
 *
 * @throws StackError SECRET_UNREADABLE for the key's file, CERTIFICATE_INVALID for the others and for what doesn't fit.
 */
export async function readGivenPair(files: GivenFiles, nowMs: number, usages: readonly Usage[]): Promise<GivenPair> {
  const { caFile, certificateFile, keyFile } = files;
  const [authorities, chain, privateKey] = await Promise.all([
    readCertificates(caFile),
    readCertificates(certificateFile),
    readKey(keyFile),
  ]);
  const [certificate, ...intermediates] = chain;
  if (!certificate.checkPrivateKey(privateKey)) throw otherKey(files);
  checkUsages(certificate, usages, certificateFile);
  const path = pathToAuthority(certificate, intermediates, authorities, nowMs);
  if (path === undefined) throw unsigned(certificate, authorities, files);
  for (const one of path) checkDates(one, chain.includes(one) ? certificateFile : caFile, nowMs);
  return {
    caPem: toPem(authorities),
    certificatePem: toPem(chain),
    privateKeyPem: toSecret(privateKey),
    facts: factsOf(certificate),
  };
}

function checkUsages(certificate: X509Certificate, usages: readonly Usage[], file: string): void {
  // Node.js calls the extended usages keyUsage, and has no array where the certificate doesn't restrict them.
  const allowed: readonly string[] | undefined = certificate.keyUsage;
  const missing = usages.filter((usage) => allowed !== undefined && !allowed.includes(USAGES[usage]));
  if (missing.length === 0) return;
  throw new StackError('CERTIFICATE_INVALID', {
    message: `the certificate in ${file} is not made for ${missing.join(' and ')}`,
    hint: `Have it signed with extendedKeyUsage = ${usages.join(', ')}${usages.includes('clientAuth') ? ', or set tls.cluster: false' : ''}.`,
  });
}

function checkDates(certificate: X509Certificate, file: string, nowMs: number): void {
  const validity = validityAt(certificate, nowMs);
  if (validity === 'valid') return;
  const { subject, notBeforeMs, notAfterMs } = factsOf(certificate);
  const isExpired = validity === 'expired';
  const verdict = isExpired ? `expired on ${toDate(notAfterMs)}` : `is not valid before ${toDate(notBeforeMs)}`;
  throw new StackError('CERTIFICATE_INVALID', {
    message: `the certificate of ${subject} in ${file} ${verdict}`,
    hint: isExpired
      ? hint`Have it renewed, put the new one in its place, then: ${run('up')}`
      : `Is the clock right? Here it is ${toDate(nowMs)}.`,
  });
}

function otherKey({ certificateFile, keyFile }: GivenFiles): StackError {
  return new StackError('CERTIFICATE_INVALID', {
    message: `the key in ${keyFile} does not belong to the first certificate in ${certificateFile}`,
    hint: "Name the key that the certificate was requested with, and put the node's own certificate before its intermediates.",
  });
}

function unsigned(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  { caFile, certificateFile }: GivenFiles,
): StackError {
  const { issuer } = factsOf(certificate);
  const known = authorities.map((authority) => `${caFile} holds ${factsOf(authority).subject}`);
  return new StackError('CERTIFICATE_INVALID', {
    message: `the certificate in ${certificateFile} does not lead to an authority in ${caFile}`,
    hint: `Append missing intermediates to ${certificateFile}, or name the root that signed it: openssl verify -CAfile ${caFile} -untrusted ${certificateFile} ${certificateFile}`,
    details: [`${certificateFile} was signed by ${issuer}`, ...known],
  });
}

function toDate(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function toSecret(privateKey: KeyObject): Secret {
  return new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** The certificates in a file of the user's, at least one. @throws StackError CERTIFICATE_INVALID */
async function readCertificates(file: string): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const text = await readText('CERTIFICATE_INVALID', file, 'certificate');
  const [first = text, ...others] = certificatesIn(text);
  return [parseCertificate(first, file), ...others.map((pem) => parseCertificate(pem, file))];
}

/** The private key in a file of the user's. @throws StackError SECRET_UNREADABLE */
async function readKey(file: string): Promise<KeyObject> {
  const pem = privateKeyIn(await readText('SECRET_UNREADABLE', file, 'private key'));
  try {
    return createPrivateKey(pem ?? '');
  } catch (cause) {
    if (pem !== undefined && isEncrypted(pem)) {
      throw new StackError('SECRET_UNREADABLE', {
        message: `the private key in ${file} is encrypted`,
        hint: `Nobody is there to type its passphrase when a node starts: openssl pkey -in ${file} -out <another file>, and name that one.`,
        cause,
      });
    }
    throw new StackError('SECRET_UNREADABLE', {
      message: `${file} can't be read as a private key in PEM form`,
      hint: `It has to hold a block of -----BEGIN PRIVATE KEY-----; this tells what is wrong: openssl pkey -noout -in ${file}`,
      cause,
    });
  }
}

/** In the form of PKCS#8 (RFC 7468 section 11) or in the old one (RFC 1421 section 4.6.1.1). OpenSSL has no code of its own for it. */
function isEncrypted(pem: string): boolean {
  return /^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

async function readText(code: FailureCode, file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const isMissing = systemErrorCode(cause) === 'ENOENT';
    throw new StackError(code, {
      message: isMissing
        ? `there is no ${what} file ${file}`
        : `the ${what} file ${file} can't be read: ${errorMessage(cause)}`,
      hint: isMissing
        ? 'Put it there, or name another one under `tls` in the YAML file.'
        : `Correct its permissions, or name another one under \`tls\` in the YAML file: ls -ld ${file}`,
      cause,
    });
  }
}
