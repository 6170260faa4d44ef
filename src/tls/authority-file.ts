import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { StackError, type FailureCode } from '../errors.ts';
import { readPrivateFile } from '../kept-files.ts';
import { parseCertificate } from './certificate.ts';
import { privateKeyIn } from './pem.ts';
import type { Signer } from './x509.ts';

/** How messages call the file. */
export const AUTHORITY = "the certificate authority's file";

/** The file of an authority: its certificate, then its key. */
export function toPem({ certificate, privateKey }: Signer): string {
  return certificate.toString() + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** undefined where there is no such file. @throws StackError SECRET_UNREADABLE, CERTIFICATE_INVALID */
export async function readAuthority(file: string): Promise<Signer | undefined> {
  const text = await readPrivateFile(file, AUTHORITY);
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
    hint: `rm ${file}   # the next \`up\` makes a new authority, and with it new certificates`,
    cause,
  });
}
