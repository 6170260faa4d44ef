import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import type { JsonGeneralNames } from '@peculiar/x509';
import { Secret } from '../secret.ts';
import { factsOf, namesOf, type CertificateNames } from './certificate.ts';
import { distinguishedName, loadLibrary, publicKeyInDer, sign, subjectOf, type Signer } from './x509.ts';

const ORGANISATION = 'redis-cluster-as-code';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AUTHORITY_DAYS = 3652;

export interface IssueRequest {
  readonly commonName: string;
  readonly names: CertificateNames;
  /** A node is a server, and a client of the other nodes' cluster buses too: `server` allows both. */
  readonly usage: 'server' | 'client';
  readonly validityDays: number;
}

export interface IssuedPair {
  readonly certificatePem: string;
  /** PKCS#8 in PEM form. */
  readonly privateKeyPem: Secret;
}

const generateKeys = promisify(generateKeyPair);

/**
 * A new key with a certificate for it, valid for `validityDays` from `nowMs`, and from an hour before: the clock of the
 * virtual machine in which the nodes run may be behind. It never outlives the authority.
 */
export async function issuePair(authority: Signer, request: IssueRequest, nowMs: number): Promise<IssuedPair> {
  const library = await loadLibrary();
  const keys = await generateKeys('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const lifeOfAuthority = factsOf(authority.certificate);
  const { serverAuth, clientAuth } = library.ExtendedKeyUsage;
  const alternativeNames = toGeneralNames(request.names);
  const certificate = await sign(
    {
      subject: distinguishedName(library, ORGANISATION, request.commonName),
      issuer: subjectOf(library, authority.certificate),
      notBeforeMs: Math.max(nowMs - HOUR_MS, lifeOfAuthority.notBeforeMs),
      notAfterMs: Math.min(nowMs + request.validityDays * DAY_MS, lifeOfAuthority.notAfterMs),
      publicKey: keys.publicKey,
      extensions: [
        new library.BasicConstraintsExtension(false, undefined, true),
        new library.KeyUsagesExtension(library.KeyUsageFlags.digitalSignature, true),
        new library.ExtendedKeyUsageExtension(request.usage === 'server' ? [serverAuth, clientAuth] : [clientAuth]),
        // RFC 5280 section 4.2.1.6: the extension must not be there without a name in it.
        ...(alternativeNames.length === 0 ? [] : [new library.SubjectAlternativeNameExtension(alternativeNames)]),
        await library.AuthorityKeyIdentifierExtension.create(publicKeyInDer(authority.certificate.publicKey)),
      ],
    },
    authority.privateKey,
  );
  return { certificatePem: certificate.toString(), privateKeyPem: new Secret(keys.privateKey) };
}

function toGeneralNames(names: CertificateNames): JsonGeneralNames {
  return namesOf(names).map((name) => {
    const value = name.slice(name.indexOf(':') + 1);
    if (name.startsWith('DNS:')) return { type: 'dns', value };
    if (isIP(value) === 0) throw new Error(`${value} is not an IP address`);
    return { type: 'ip', value };
  });
}

/** A new authority, which signs itself. `nowMs` counts from 1970. */
export async function makeAuthority(stack: string, nowMs: number): Promise<Signer> {
  const { privateKey } = await generateKeys('ec', { namedCurve: 'P-256' });
  const subject = distinguishedName(await loadLibrary(), ORGANISATION, `${stack} Redis Cluster CA`);
  return signItself(privateKey, subject, nowMs);
}

/**
 * The same authority with a new life. Its key, its name and so the identifier of its key stay: everything that it ever
 * signed verifies against either certificate, and nodes and clients may get the new one whenever they like.
 */
export async function renewAuthority({ certificate, privateKey }: Signer, nowMs: number): Promise<Signer> {
  return signItself(privateKey, subjectOf(await loadLibrary(), certificate), nowMs);
}

async function signItself(privateKey: KeyObject, subject: ArrayBuffer, nowMs: number): Promise<Signer> {
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension } = await loadLibrary();
  const certificate = await sign(
    {
      subject,
      issuer: subject,
      // A day back: what it signs is valid from an hour back, and must not be older than itself.
      notBeforeMs: nowMs - DAY_MS,
      notAfterMs: nowMs + AUTHORITY_DAYS * DAY_MS,
      publicKey: publicKeyInDer(createPublicKey(privateKey)),
      extensions: [
        // It signs servers and clients, and no further authority.
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    privateKey,
  );
  return { certificate, privateKey };
}
