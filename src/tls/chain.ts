import type { X509Certificate } from 'node:crypto';
import { certificatesIn, factsOf, isIssuedBy, parseCertificate } from './certificate.ts';

/**
 * The certificates from `certificate` up to one of the `authorities` that signs itself, as TLS libraries build them (RFC
 * 5280 section 6.1), or undefined. Of several ways the one that is valid now comes first; dates are otherwise not judged.
 */
export function pathToAuthority(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  nowMs: number,
): readonly X509Certificate[] | undefined {
  const isTrusted = (one: X509Certificate): boolean =>
    isIssuedBy(one, one) && authorities.some(({ fingerprint256 }) => fingerprint256 === one.fingerprint256);
  const climb = (
    from: X509Certificate,
    candidates: readonly X509Certificate[],
  ): readonly X509Certificate[] | undefined => {
    if (isTrusted(from)) return [from];
    for (const issuer of candidates) {
      if (!issuer.ca || !isIssuedBy(from, issuer)) continue;
      // Each may be on the way once: authorities that signed each other would go round for ever.
      const rest = climb(
        issuer,
        candidates.filter((other) => other !== issuer),
      );
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  };
  const candidates = [...authorities, ...intermediates];
  const isValid = (one: X509Certificate): boolean => validityAt(one, nowMs) === 'valid';
  return climb(certificate, [...candidates.filter(isValid), ...candidates.filter((one) => !isValid(one))]);
}

export function validityAt(certificate: X509Certificate, nowMs: number): 'early' | 'valid' | 'expired' {
  const { notBeforeMs, notAfterMs } = factsOf(certificate);
  if (nowMs < notBeforeMs) return 'early';
  return nowMs > notAfterMs ? 'expired' : 'valid';
}

/**
 * What a node serves and what its clients trust, from what an issuer gives: the chain without its roots behind the
 * certificate, and the roots. undefined where they don't lead up to any.
 *
 * @param givenPem of the issuer's authorities, and of roots that are known otherwise
 */
export function divideChain(
  certificatePem: string,
  givenPem: string,
  nowMs: number,
): { readonly certificatePem: string; readonly rootsPem: string } | undefined {
  const parse = (pem: string): X509Certificate[] =>
    [...new Set(certificatesIn(pem))].map((one) => parseCertificate(one, 'what the issuer gave'));
  const [certificate, ...behind] = parse(certificatePem);
  if (certificate === undefined) return undefined;
  const given = [...behind, ...parse(givenPem)];
  const roots = given.filter((one) => isIssuedBy(one, one));
  const intermediates = given.filter((one) => !roots.includes(one));
  const path = pathToAuthority(certificate, intermediates, roots, nowMs);
  if (path === undefined) return undefined;
  const toText = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('');
  return { certificatePem: toText(path.slice(0, -1)), rootsPem: toText(roots) };
}
