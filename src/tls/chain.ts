import type { X509Certificate } from 'node:crypto';
import { factsOf, isIssuedBy } from './certificate.ts';

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
