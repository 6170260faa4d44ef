import pRetry from 'p-retry';
import { StackError } from '../../errors.ts';
import { notVault, speaksTls, troubleOfStatus } from './vault-diagnosis.ts';
import { inDoubt, needsTls, troubleOfError, troubleOfSilence, type Trouble } from './vault-errors.ts';
import { exchange, type VaultAnswer, type VaultChannel, type VaultRequest } from './vault-http.ts';

/** An election takes Vault a second or two; who waits longer than this wants to know why. */
const PATIENCE_MS = 5000;

interface CallOptions {
  /** What for, as in `to read secret/data/redis`. */
  readonly asked: string;
  /** Whether a call of which nobody knows if it was carried out may be made again. */
  readonly isRepeatable: boolean;
}

/**
 * One call, made again while what ails Vault may be over in a moment: for `bounds.timeoutMs`, but at most 5 s.
 *
 * @returns any answer that Vault itself gave and that repeating wouldn't change: a 403 or 404 as well as a 200.
 * @throws StackError VAULT_UNREACHABLE, VAULT_UNTRUSTED, VAULT_UNINITIALISED, VAULT_SEALED, VAULT_STANDBY, VAULT_FAILED;
 * what `bounds.signal` was aborted with.
 */
export function callVault(channel: VaultChannel, request: VaultRequest, options: CallOptions): Promise<VaultAnswer> {
  const { signal, timeoutMs } = channel.bounds;
  const patienceMs = Math.ceil(Math.min(timeoutMs, PATIENCE_MS));
  const deadline = AbortSignal.timeout(patienceMs);
  let latest: Trouble | undefined;

  const attempt = async (): Promise<VaultAnswer> => {
    const outcome = await attemptOnce(channel, request, options, AbortSignal.any([signal, deadline]));
    if ('status' in outcome) return outcome;
    // The last attempt may be cut off by the end of time: what ended the one before says more.
    if (!deadline.aborted || outcome.failure.code !== 'VAULT_UNREACHABLE') latest = outcome;
    else latest = { ...(latest ?? troubleOfSilence(channel.address, patienceMs)), isUndone: outcome.isUndone };
    throw options.isRepeatable || latest.isUndone ? latest.failure : inDoubt(latest.failure);
  };
  return pRetry(attempt, {
    retries: 20,
    minTimeout: 50,
    factor: 1.7,
    maxTimeout: 1000,
    maxRetryTime: patienceMs,
    signal,
    shouldRetry: () => latest !== undefined && latest.isTransient && (options.isRepeatable || latest.isUndone),
  });
}

async function attemptOnce(
  channel: VaultChannel,
  request: VaultRequest,
  { asked }: CallOptions,
  signal: AbortSignal,
): Promise<VaultAnswer | Trouble> {
  try {
    const answer = await exchange(channel, request, signal);
    if (isOutOfOrder(answer.status)) return await troubleOfStatus(channel, asked, answer);
    if (answer.body !== undefined) return answer;
    return { failure: await notVault(channel, asked), isTransient: false, isUndone: false };
  } catch (error) {
    channel.bounds.signal.throwIfAborted();
    const trouble = troubleOfError(channel.address, error);
    // A refused connection is one that nobody listens for: nothing to be asked about TLS.
    const mayBeTls = !(error instanceof StackError) && !trouble.isUndone && !signal.aborted;
    if (mayBeTls && (await speaksTls(channel))) {
      return { failure: needsTls(channel.address), isTransient: false, isUndone: true };
    }
    return trouble;
  }
}

/**
 * Not a refusal, which would be the same the next time. 412: this node doesn't know yet what another has just written;
 * 429: a rate limit, or a standby; 472 and 473 as /v1/sys/health has them. (Vault API, "HTTP status codes".)
 */
function isOutOfOrder(status: number): boolean {
  return status >= 500 || [412, 429, 472, 473].includes(status);
}
