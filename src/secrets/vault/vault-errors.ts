import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { nameOf, type VaultAddress } from './vault-address.ts';
import { durationText } from '../../units.ts';

/** Why an exchange came to no answer, and what follows from it. */
export interface Trouble {
  readonly failure: StackError;
  /** It may be over in a moment. */
  readonly isTransient: boolean;
  /** Vault certainly did nothing of what it was asked for. */
  readonly isUndone: boolean;
}

/** No connection came about, so nothing was sent. Not ENOTFOUND: a name with a slip in it stays unknown. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
const DROPPED = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET']);
const UNTRUSTED: Readonly<Record<string, { readonly why: string; readonly hint?: string }>> = {
  CERT_HAS_EXPIRED: { why: 'its certificate has expired', hint: 'Renew the certificate of Vault.' },
  CERT_NOT_YET_VALID: { why: 'its certificate is not valid yet', hint: 'Compare the clocks: date' },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    why: 'its certificate is for another name',
    hint: 'Use a name in the address that the certificate has, or have it issued for this one.',
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { why: 'its certificate is of an unknown authority' },
  UNABLE_TO_GET_ISSUER_CERT: { why: 'its certificate is of an unknown authority' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { why: 'its certificate is of an unknown authority' },
  SELF_SIGNED_CERT_IN_CHAIN: { why: 'its certificate is of an unknown authority' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { why: 'its certificate is signed by itself only' },
};
/** What Node.js says where the other side answers in clear. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** Whether the other side speaks TLS, going by the error of a request over https that came to nothing. */
export function isAboutTls(error: unknown): boolean {
  const code = codeOf(error);
  return !NO_TLS.has(code) && isTlsCode(code);
}

/**
 * An error of undici or of the socket below it. It isn't kept as the cause: undici hangs requests, with the headers that
 * hold the token, and answers, with what they hold, on errors of its own.
 */
export function troubleOfError(address: VaultAddress, error: unknown): Trouble {
  // A redirect that isn't followed: who redirects has done nothing.
  if (error instanceof StackError) return certain(error);
  const code = codeOf(error);
  if (NO_TLS.has(code)) return certain(noTls(address));
  if (isTlsCode(code)) return certain(untrusted(address, code));
  const isUndone = NOT_CONNECTED.has(code) || code === 'ENOTFOUND';
  return {
    failure: unreachable(address, 'is unreachable', [`${code}: ${errorMessage(error) || 'no connection'}`]),
    isTransient: code !== 'ENOTFOUND' && (isUndone || DROPPED.has(code)),
    isUndone,
  };
}

/** Nothing but the end of time ended it. */
export function troubleOfSilence(address: VaultAddress, timeoutMs: number): Trouble {
  const failure = unreachable(address, `didn't answer within ${durationText(timeoutMs)}`, []);
  return { failure, isTransient: false, isUndone: false };
}

/** The same failure of a call that changes something, and may have come that far. */
export function inDoubt(failure: StackError): StackError {
  return new StackError(failure.code, {
    message: `${failure.message}; what it was asked for may have been done all the same`,
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    details: failure.details,
  });
}

/** TLS on a port for which the address says http. */
export function needsTls(address: VaultAddress): StackError {
  return new StackError('VAULT_UNTRUSTED', {
    message: `${nameOf(address)} speaks TLS, and the address in ${address.setting} says http`,
    hint: `Write ${address.url.replace('http:', 'https:')} in ${address.setting}.`,
  });
}

/** @param asked What Vault refused, like `to read secret/data/redis`. */
export function failed(
  address: VaultAddress,
  asked: string,
  { status, errors }: { readonly status: number; readonly errors: readonly string[] },
): StackError {
  return new StackError('VAULT_FAILED', {
    message: `${nameOf(address)} failed ${asked}: status ${status}`,
    hint: `vault status -address=${address.url}   # and the log of Vault`,
    details: errors,
  });
}

/** The answer is none that Vault gives to this call. */
export function strange(address: VaultAddress, asked: string, why: string): StackError {
  return new StackError('VAULT_FAILED', {
    message: `${nameOf(address)} was asked ${asked}, and ${why}`,
    hint: `curl ${address.url}/v1/sys/health   # Vault answers with JSON; does ${address.setting} name it?`,
  });
}

function unreachable(address: VaultAddress, how: string, details: readonly string[]): StackError {
  return new StackError('VAULT_UNREACHABLE', {
    message: `${nameOf(address)} (the address in ${address.setting}) ${how}`,
    hint: `vault status -address=${address.url}   # or correct ${address.setting}`,
    details,
  });
}

function untrusted(address: VaultAddress, code: string): StackError {
  const { why, hint } = UNTRUSTED[code] ?? { why: 'TLS with it failed' };
  return new StackError('VAULT_UNTRUSTED', {
    message: `${nameOf(address)} can't be trusted: ${why} (${code})`,
    hint: hint ?? 'Name the authority: secrets.caFile in the YAML file, or export VAULT_CACERT=/path/to/ca.pem',
  });
}

function noTls(address: VaultAddress): StackError {
  return new StackError('VAULT_UNTRUSTED', {
    message: `${nameOf(address)} doesn't speak TLS, and the address in ${address.setting} says https`,
    hint: `Set up TLS in Vault's listener. A Vault for development: ${address.url.replace('https:', 'http:')}`,
  });
}

/** TLS precedes every request, and a redirect stands in place of it. */
function certain(failure: StackError): Trouble {
  return { failure, isTransient: false, isUndone: true };
}

function isTlsCode(code: string): boolean {
  return Object.hasOwn(UNTRUSTED, code) || /^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|EPROTO$)/.test(code);
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return systemErrorCode(error) ?? systemErrorCode(cause) ?? 'no code';
}
