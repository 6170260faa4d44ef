import { generateKeyPair } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import type { JsonGeneralNames } from '@peculiar/x509';
import { Secret } from '../secret.ts';
import { ORGANISATION } from './authority.ts';
import { factsOf, namesOf, type CertificateNames } from './certificate.ts';
import { distinguishedName, loadLibrary, publicKeyInDer, sign, subjectOf, type Signer } from './x509.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A node is a server, and a client of the other nodes' cluster buses too: `server` allows both. */
export type CertificateUsage = 'server' | 'client';

export interface IssueRequest {
  readonly commonName: string;
  readonly names: CertificateNames;
  readonly usage: CertificateUsage;
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
