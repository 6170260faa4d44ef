import type { CertificateFacts } from '../../tls/certificate.ts';
import { shownFacts } from '../../tls/served.ts';
import { observeCertificates, certificateWarnings } from '../observe/certificates.ts';
import { whyUnseen } from '../observe/container-end.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';
import { readKeptCertificates } from '../connect/trust.ts';

interface CertificateShown {
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
  if (!session.spec.tls.enabled) return { shown: [], warnings: [] };
  const now = Date.now();
  const [observed, kept] = await Promise.all([observeCertificates(session), readKeptCertificates(session)]);
  const ofNodes = observed.map(({ node, served }): CertificateShown => {
    const problem = served.state === 'trusted' ? undefined : served.reason;
    return { holder: node.name, place: placeOf(node), facts: shownFacts(served), problem };
  });
  const away = session.engine.away();
  const unseen = session.spec.nodes
    .filter(({ host = '' }) => away.has(host))
    .map((node): CertificateShown => {
      const problem = whyUnseen(session.engine, node);
      return { holder: node.name, place: placeOf(node), facts: undefined, problem };
    });
  const own = kept.map(({ holder, file, facts }): CertificateShown => {
    const hasEnded = facts !== undefined && facts.notAfterMs <= now;
    const problem = facts === undefined ? 'it is not there yet' : hasEnded ? 'it has ended' : undefined;
    return { holder, place: file, facts, problem };
  });
  return { shown: [...own, ...ofNodes, ...unseen], warnings: certificateWarnings(session, observed, kept, now) };
}

function placeOf({ ports }: NodeSpec): string {
  return `port ${ports.tls}`;
}
