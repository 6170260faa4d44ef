import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorMessage, StackError, systemErrorCode, type FailureCode } from '../errors.ts';
import { parseCertificate } from './certificate.ts';
import { certificatesIn, privateKeyIn } from './pem.ts';

/** The certificates in a file of the user's, at least one. @throws StackError CERTIFICATE_INVALID */
export async function readCertificates(file: string): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const text = await readText('CERTIFICATE_INVALID', file, 'certificate');
  const [first = text, ...others] = certificatesIn(text);
  return [parseCertificate(first, file), ...others.map((pem) => parseCertificate(pem, file))];
}

/** The private key in a file of the user's. @throws StackError SECRET_UNREADABLE */
export async function readKey(file: string): Promise<KeyObject> {
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
        : `Mend its permissions, or name another one under \`tls\` in the YAML file: ls -ld ${file}`,
      cause,
    });
  }
}
