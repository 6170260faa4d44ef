import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { distinguishedName, loadLibrary, publicKeyInDer, sign, subjectOf, type Signer } from './x509.ts';

export const ORGANISATION = 'redis-cluster-as-code';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3652;

const generateKeys = promisify(generateKeyPair);

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
