import { StackError } from '../../errors.ts';
import { nameOf } from './vault-address.ts';
import { failed, isAboutTls, needsTls, strange, type Trouble } from './vault-errors.ts';
import { exchange, type VaultAnswer, type VaultChannel } from './vault-http.ts';

/** How long a question about a failure may take: the failure itself is what matters. */
const QUESTION_MS = 2000;

/** What a request meant, in the words of a policy. */
export interface Asked {
  /** As in `to read secret/data/redis`. */
  readonly asked: string;
  /** The path in a policy. */
  readonly path: string;
  readonly capability: 'create' | 'read' | 'update';
}

/**
 * Why Vault couldn't serve a request, asked of /v1/sys/health: the statuses of requests themselves don't tell a sealed
 * Vault from an overloaded one. (Vault API, "/sys/health": "Read health information".)
 */
export async function troubleOfStatus(channel: VaultChannel, asked: string, answer: VaultAnswer): Promise<Trouble> {
  const { address } = channel;
  const at = `-address=${address.url}`;
  const because = (code: StackError['code'], state: string, hint: string, isTransient: boolean): Trouble => ({
    failure: new StackError(code, { message: `${nameOf(address)} ${state}`, hint, details: answer.errors }),
    isTransient,
    isUndone: true,
  });
  switch (await healthStatus(channel)) {
    case 501:
      return because('VAULT_UNINITIALISED', 'is not initialised', `vault operator init ${at}`, false);
    case 503:
      return because('VAULT_SEALED', 'is sealed', `vault operator unseal ${at}`, false);
    case 472:
      return because(
        'VAULT_STANDBY',
        'is a secondary for disaster recovery, which serves no requests',
        'Name a node of the primary cluster.',
        false,
      );
    case 530:
      return because('VAULT_STANDBY', 'was removed from its cluster', 'Name another node of the cluster.', false);
    case 429:
    case 474: {
      const state = 'is a standby that finds no active node';
      return because('VAULT_STANDBY', state, `vault status ${at}   # is there an "Active Node Address"?`, true);
    }
    default: {
      const isUndone = answer.status === 429 || answer.status === 412;
      return { failure: failed(address, asked, answer), isTransient: true, isUndone };
    }
  }
}

/**
 * Why Vault refused a request. A token that ran out gets the same 403 as one that may not: only what lookup-self answers
 * tells them apart. (Vault API, "/auth/token": "Lookup a token (self)"; the policy `default` allows it to every token.)
 */
export async function refusal(
  channel: VaultChannel,
  { asked, path, capability }: Asked,
  answer: VaultAnswer,
): Promise<StackError> {
  const { address } = channel;
  if (answer.status !== 403) return failed(address, asked, answer);
  const self = channel.token === undefined ? undefined : await question(channel, 'auth/token/lookup-self');
  if (self?.status === 403) {
    return new StackError('VAULT_TOKEN_INVALID', {
      message: `${nameOf(address)} doesn't accept the token: it expired, was revoked, or is of another Vault`,
      hint: `vault login -address=${address.url}   # then run the same command again`,
      details: self.errors,
    });
  }
  return new StackError('VAULT_DENIED', {
    message: `${nameOf(address)} denies this token ${asked}: it needs the capability "${capability}" on ${path}`,
    hint: `vault token capabilities ${path}   # then have a policy with path "${path}" { capabilities = ["${capability}"] }`,
    details: answer.errors,
  });
}

/** Why something that isn't JSON came back, or nothing that is HTTP at all. */
export async function notVault(channel: VaultChannel, asked: string): Promise<StackError> {
  if (await speaksTls(channel)) return needsTls(channel.address);
  return strange(channel.address, asked, 'answered with something else than JSON');
}

/** Whether TLS is spoken where the address says http. Without a token, and as strict about certificates as ever. */
export async function speaksTls(channel: VaultChannel): Promise<boolean> {
  const { url } = channel.address;
  if (!url.startsWith('http:')) return false;
  const address = { ...channel.address, url: url.replace('http:', 'https:') };
  try {
    await exchange(anonymous({ ...channel, address }), { method: 'GET', path: 'sys/health' }, questionSignal(channel));
    return true;
  } catch (error) {
    channel.bounds.signal.throwIfAborted();
    // A certificate that isn't trusted is a certificate. An answer in clear isn't.
    return isAboutTls(error);
  }
}

async function healthStatus(channel: VaultChannel): Promise<number | undefined> {
  return (await question(anonymous(channel), 'sys/health'))?.status;
}

/** undefined where it isn't answered. */
async function question(channel: VaultChannel, path: string): Promise<VaultAnswer | undefined> {
  try {
    return await exchange(channel, { method: 'GET', path }, questionSignal(channel));
  } catch {
    channel.bounds.signal.throwIfAborted();
    return undefined;
  }
}

function questionSignal({ bounds }: VaultChannel): AbortSignal {
  return AbortSignal.any([bounds.signal, AbortSignal.timeout(Math.ceil(Math.min(bounds.timeoutMs, QUESTION_MS)))]);
}

/** The health is asked for in the root namespace only, and needs no token. */
function anonymous(channel: VaultChannel): VaultChannel {
  return { ...channel, token: undefined, namespace: undefined };
}
