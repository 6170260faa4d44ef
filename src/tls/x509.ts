import { randomBytes, webcrypto, X509Certificate, type KeyObject } from 'node:crypto';
import type * as X509 from '@peculiar/x509';

/** The making of certificates: ECDSA on P-256 with SHA-256, which every TLS library in use knows. */

export type Library = typeof X509;

/** A certificate that may sign others, with its key. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface Draft {
  /** Distinguished names in DER. */
  readonly subject: ArrayBuffer;
  readonly issuer: ArrayBuffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** Beside the identifier of the subject's key, which every certificate gets. */
  readonly extensions: readonly X509.Extension[];
}

/** RFC 5280 appendix A.1, ub-common-name. Nobody looks for a host's name there, so that nothing misses what is cut off. */
const COMMON_NAME_LENGTH = 64;
const HASH = 'SHA-256';
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };

let library: Promise<Library> | undefined;

/** It takes a fifth of a second to load, and most commands make no certificate: so it is not imported above. */
export function loadLibrary(): Promise<Library> {
  // Kept, because under a loader of TypeScript every import() costs milliseconds, also of what is loaded already.
  library ??= (async () => {
    // The library's own dependencies look for the Reflect API as soon as they are loaded.
    await import('reflect-metadata');
    return import('@peculiar/x509');
  })();
  return library;
}

export async function sign(draft: Draft, signingKey: KeyObject): Promise<X509Certificate> {
  const { Name, SubjectKeyIdentifierExtension, X509CertificateGenerator } = await loadLibrary();
  const pkcs8 = signingKey.export({ type: 'pkcs8', format: 'der' });
  const made = await X509CertificateGenerator.create({
    serialNumber: randomSerialNumber(),
    subject: new Name(draft.subject),
    issuer: new Name(draft.issuer),
    notBefore: new Date(draft.notBeforeMs),
    notAfter: new Date(draft.notAfterMs),
    publicKey: draft.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, CURVE, false, ['sign']),
    signingAlgorithm: { name: CURVE.name, hash: HASH },
    extensions: [...draft.extensions, await SubjectKeyIdentifierExtension.create(draft.publicKey)],
  });
  return new X509Certificate(Buffer.from(made.rawData));
}

export function distinguishedName({ Name }: Library, organisation: string, commonName: string): ArrayBuffer {
  // As UTF-8 and taken literally: in a plain string the library would read quotes and backslashes as escapes.
  return new Name([
    { O: [{ utf8String: organisation }] },
    { CN: [{ utf8String: commonName.slice(0, COMMON_NAME_LENGTH) }] },
  ]).toArrayBuffer();
}

/** The subject of a certificate, byte for byte: whoever looks for an issuer compares the bytes. */
export function subjectOf({ X509Certificate: Parsed }: Library, certificate: X509Certificate): ArrayBuffer {
  return new Parsed(certificate.raw).subjectName.toArrayBuffer();
}

export function publicKeyInDer(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** 16 random bytes in hexadecimal, positive and without a zero in front (RFC 5280 section 4.1.2.2). */
function randomSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}
