import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';
import { readCertificate, type CertificateFacts } from '../tls/certificate.ts';
import { observeCertificates, certificateWarnings } from './settle-certificates.ts';
import type { Session } from './session.ts';
import { trustFiles } from './trust.ts';

export interface CertificateShown {
  /** A node's name, `authority` or `client`. */
  readonly holder: string;
  /** What is served at this address, or kept in this file. */
  readonly place: string;
  /** undefined where nothing could be seen; `problem` says why. */
  readonly facts: CertificateFacts | undefined;
  /** Why a client of this host would refuse it. */
  readonly problem: string | undefined;
}

export interface Certificates {
  readonly shown: readonly CertificateShown[];
  readonly warnings: readonly string[];
}

/** Every certificate of the stack: those that the running nodes really serve, and this host's own. Reads only. */
export async function readCertificates(session: Session): Promise<Certificates> {
  const files = trustFiles(session);
  const observed = await observeCertificates(session);
  const kept = await Promise.all([
    inFile('authority', files.ca),
    ...(files.client === undefined ? [] : [inFile('client', files.client.certificate)]),
  ]);
  const nodes = observed.map(({ node, served }): CertificateShown => {
    const facts = served.state === 'trusted' || served.state === 'untrusted' ? served.facts : undefined;
    const problem = served.state === 'trusted' ? undefined : served.reason;
    return { holder: node.name, place: `port ${node.ports.tls}`, facts, problem };
  });
  return { shown: [...kept, ...nodes], warnings: certificateWarnings(session, observed, Date.now()) };
}

async function inFile(holder: string, file: string): Promise<CertificateShown> {
  try {
    return { holder, place: file, facts: readCertificate(await readFile(file, 'utf8'), file), problem: undefined };
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return { holder, place: file, facts: undefined, problem: 'it is not there yet' };
  }
}
