import { X509Certificate } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { StackError } from '../errors.ts';

/** What a certificate says of itself (RFC 5280 section 4.1), in comparable form. */
export interface CertificateFacts {
  /** Outermost part first: `O=redis-cluster-as-code, CN=redis-1`. */
  readonly subject: string;
  readonly issuer: string;
  /** The subject's alternative names: `DNS:redis-1` in lower case, `IP:127.0.0.1`, `IP:::1` in the short form of RFC 5952. */
  readonly names: readonly string[];
  /** In upper-case hexadecimal digits. */
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the whole certificate: `AB:CD:…`. */
  readonly fingerprint: string;
}

export interface CertificateNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/**
 * The facts of the first certificate in `pem`, or of one in DER in a buffer. `source` is how a message calls it.
 *
 * @throws StackError CERTIFICATE_INVALID where there is no certificate in it.
 */
export function readCertificate(pem: string | Buffer, source = 'what was given'): CertificateFacts {
  return factsOf(parseCertificate(pem, source));
}

/** @throws StackError CERTIFICATE_INVALID */
export function parseCertificate(pem: string | Buffer, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new StackError('CERTIFICATE_INVALID', {
      message: `${source} can't be read as a certificate in PEM form`,
      hint: 'It has to hold a block of -----BEGIN CERTIFICATE-----; `openssl x509 -noout -text -in FILE` shows what is in it.',
      cause,
    });
  }
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: alternativeNames(certificate.subjectAltName ?? ''),
    serialNumber: certificate.serialNumber,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  };
}

/**
 * A third of its life or less is left: enough time for many an `up` before anything breaks. Also where its life hasn't
 * begun: it was made under a clock that was ahead, and nobody takes it until then.
 */
export function isDueForRenewal(
  { notBeforeMs, notAfterMs }: Pick<CertificateFacts, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): boolean {
  return nowMs < notBeforeMs || notAfterMs - nowMs <= (notAfterMs - notBeforeMs) / 3;
}

/** Whether a client that asks for any of the `wanted` names would take the certificate for it (RFC 9525 section 6.3). */
export function coversNames({ names }: Pick<CertificateFacts, 'names'>, wanted: CertificateNames): boolean {
  return namesOf(wanted).every((name) => names.includes(name) || names.includes(wildcardFor(name)));
}

/** Whether it names `issuer` as its issuer, and the key of that one signed it. Dates aren't judged. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** As they stand in `CertificateFacts.names`, each once. */
export function namesOf({ dnsNames, ipAddresses }: CertificateNames): readonly string[] {
  return [...new Set([...dnsNames.map(dnsName), ...ipAddresses.map(ipName)])];
}

function dnsName(name: string): string {
  return `DNS:${name.toLowerCase()}`;
}

function ipName(address: string): string {
  return `IP:${ipaddr.isValid(address) ? ipaddr.parse(address).toString() : address}`;
}

/** A star stands for the leftmost label, and for the whole of it. */
function wildcardFor(name: string): string {
  return name.replace(/^DNS:[^.]+\./, 'DNS:*.');
}

/** Node.js writes them `DNS:redis-1, IP Address:0:0:0:0:0:0:0:1`, and as a JSON string what could be mistaken for two. */
function alternativeNames(text: string): readonly string[] {
  return [...text.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].flatMap(([, kind, written = '']) => {
    const value = written.startsWith('"') ? String(JSON.parse(written)) : written;
    if (kind === 'DNS') return [dnsName(value)];
    return kind === 'IP Address' ? [ipName(value)] : [];
  });
}

function oneLine(name: string): string {
  return name.split('\n').join(', ');
}

/**
 * Every certificate in `text`, in its order, each ending with a line break. What is inside the frame isn't looked at. PEM
 * as RFC 7468 frames it: there may be several blocks, and prose between them, as `openssl x509 -text` writes it.
 */
export function certificatesIn(text: string): readonly string[] {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].map(
    ([block]) => `${block}\n`,
  );
}

/** The first private key in `text`, of whatever kind, encrypted or not; undefined where there is none. */
export function privateKeyIn(text: string): string | undefined {
  // The headers of a key that is encrypted in the old way have dashes in them, so the end is looked for as a whole.
  const block = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(text)?.[0];
  return block === undefined ? undefined : `${block}\n`;
}
