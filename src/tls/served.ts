import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { withinBounds, type Bounds } from '../bounds.ts';
import { errorMessage, hasCode, systemErrorCode } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { certificatesIn, readCertificate, type CertificateFacts } from './certificate.ts';
import { durationText } from '../units.ts';

/** What listens at an address, for a client that trusts one authority. `code` is that of Node.js or OpenSSL. */
export type Served =
  | { readonly state: 'trusted'; readonly facts: CertificateFacts }
  /** A TLS server whose certificate the client would refuse. */
  | {
      readonly state: 'untrusted';
      readonly code: string;
      readonly reason: string;
      readonly facts: CertificateFacts | undefined;
    }
  /** A TLS server that refused the client before it had shown its own certificate. */
  | { readonly state: 'refused'; readonly code: string; readonly reason: string }
  /** No TLS server: nobody listens, nobody answers in time, or what answers doesn't speak TLS. */
  | { readonly state: 'absent'; readonly code: string; readonly reason: string };

/** The certificate that the server showed, whether it is trusted or not; undefined where none was seen. */
export function shownFacts(served: Served): CertificateFacts | undefined {
  return served.state === 'trusted' || served.state === 'untrusted' ? served.facts : undefined;
}

interface ServedAddress {
  readonly host: string;
  readonly port: number;
}

export interface Trust {
  readonly caPem: string;
  /** For a server that wants to know its clients. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: Secret };
}

const OF_ANOTHER_AUTHORITY = 'its certificate is not signed by the authority that is trusted here';

const DISTRUST: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate, or the authority that signed it, has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: one of the clocks is wrong',
  INVALID_PURPOSE: 'its certificate is not made for servers',
  DEPTH_ZERO_SELF_SIGNED_CERT: OF_ANOTHER_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: OF_ANOTHER_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: OF_ANOTHER_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OF_ANOTHER_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OF_ANOTHER_AUTHORITY,
  CERT_SIGNATURE_FAILURE: OF_ANOTHER_AUTHORITY,
};

const ABSENCE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was closed before anything was shown',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens there does not speak TLS',
};

/**
 * What a server really shows to a client that verifies it: the chain, the dates and the name (of an IP address: the
 * address itself). A server that wants a client's certificate may say so only after the handshake (RFC 8446 section
 * 4.4.2.4); its own certificate is known by then, and is all that is asked for here.
 *
 * @throws whatever `bounds.signal` is aborted with. That nobody answers within `bounds.timeoutMs` is an answer.
 */
export async function observeServed(address: ServedAddress, trust: Trust, bounds: Bounds): Promise<Served> {
  const socket = connect({
    ...address,
    // RFC 6066 section 3: an address is no server name.
    ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
    // A list, even an empty one: without any, everybody whom Node.js trusts by itself would be trusted.
    ca: [...certificatesIn(trust.caPem)],
    ...(trust.client === undefined
      ? {}
      : { cert: trust.client.certificatePem, key: trust.client.privateKeyPem.reveal() }),
  });
  try {
    const served = await withinBounds(handshake(socket, address), 'no TLS handshake', bounds);
    // The server gets the end of its handshake: with TLS 1.3 it isn't there yet when the client's is over.
    if (served.state === 'trusted') socket.destroySoon();
    else socket.destroy();
    return served;
  } catch (error) {
    socket.destroy();
    const isTooLate = hasCode(error, 'WAIT_TIMEOUT') && !bounds.signal.aborted;
    if (!isTooLate) throw error;
    return { state: 'absent', code: 'ETIMEDOUT', reason: `no TLS handshake within ${durationText(bounds.timeoutMs)}` };
  }
}

async function handshake(socket: TLSSocket, { host }: ServedAddress): Promise<Served> {
  let facts: CertificateFacts | undefined;
  // Before Node.js judges the certificate: it keeps nothing of a connection that it refuses.
  socket.prependListener('secure', () => {
    // Not getPeerX509Certificate: Node.js 20 then finds no names in the certificate any more, and refuses it.
    const { raw }: { raw?: Buffer } = socket.getPeerCertificate();
    if (raw !== undefined) facts = readCertificate(raw, `what ${host} serves`);
  });
  return new Promise((resolve) => {
    socket.on('error', (error) => resolve(judge(error, socket.authorizationError, facts, host)));
    socket.on('secureConnect', () => {
      if (facts !== undefined) resolve({ state: 'trusted', facts });
    });
  });
}

/** @param distrust what Node.js keeps only where it was the certificate that it refused */
function judge(error: Error, distrust: unknown, facts: CertificateFacts | undefined, host: string): Served {
  const code = systemErrorCode(error) ?? 'UNKNOWN';
  if (typeof distrust === 'string') {
    const doesNotNameIt = code === 'ERR_TLS_CERT_ALTNAME_INVALID';
    const reason = doesNotNameIt ? `its certificate does not name ${host}` : (DISTRUST[code] ?? errorMessage(error));
    return { state: 'untrusted', code, reason, facts };
  }
  // Alerts are what only a TLS peer sends (RFC 8446 section 6).
  const isAlert = code.startsWith('ERR_SSL_') && code.includes('ALERT');
  if (isAlert) return { state: 'refused', code, reason: `it ended the handshake: ${errorMessage(error)}` };
  return { state: 'absent', code, reason: ABSENCE[code] ?? errorMessage(error) };
}
