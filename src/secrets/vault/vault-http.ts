import type { Agent, Dispatcher } from 'undici';
import type { Bounds } from '../../bounds.ts';
import { StackError } from '../../errors.ts';
import type { Secret } from '../../secret.ts';
import { nameOf, type VaultAddress } from './vault-address.ts';

/** Everything that a call needs to know besides what it asks for. */
export interface VaultChannel {
  readonly address: VaultAddress;
  readonly agent: Agent;
  readonly namespace: string | undefined;
  /** undefined before the login. */
  readonly token: Secret | undefined;
  readonly bounds: Bounds;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below /v1/, escaped: see `apiPath`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** What of the body must not come back in a message. */
  readonly confidential?: readonly Secret[];
}

export interface VaultAnswer {
  readonly status: number;
  /** undefined where it isn't JSON: then it isn't Vault that answered. */
  readonly body: unknown;
  /** Vault's own words, without anything confidential. */
  readonly errors: readonly string[];
}

/** @param caPem Replaces the authorities that Node.js knows, as VAULT_CACERT does for the vault command. */
export async function openChannel(
  address: VaultAddress,
  namespace: string | undefined,
  caPem: string | undefined,
  bounds: Bounds,
): Promise<VaultChannel> {
  // Not at start-up: most commands of most stacks never talk to Vault.
  const { Agent } = await import('undici');
  const agent = new Agent(caPem === undefined ? {} : { connect: { ca: caPem } });
  return { address, agent, namespace, token: undefined, bounds };
}

/**
 * One exchange, whatever its status, without a retry. A standby that doesn't forward requests itself answers 307 with the
 * address of its active node (Vault's documentation, "High availability mode: client redirection"); it is followed once.
 *
 * @throws what undici throws; StackError VAULT_UNTRUSTED or VAULT_STANDBY for a redirect that isn't followed.
 */
export async function exchange(
  channel: VaultChannel,
  request: VaultRequest,
  signal: AbortSignal,
): Promise<VaultAnswer> {
  const url = `${channel.address.url}/v1/${request.path}`;
  const response = await send(channel, request, url, signal);
  const location = locationOf(response);
  if (location === undefined) return answerOf(channel, request, response);
  await response.body.dump();
  const redirected = await send(channel, request, redirectTarget(channel, url, location), signal);
  if (locationOf(redirected) === undefined) return answerOf(channel, request, redirected);
  await redirected.body.dump();
  throw new StackError('VAULT_STANDBY', {
    message: `${nameOf(channel.address)} is a standby, and so is the node that it redirects to`,
    hint: `vault status -address=${channel.address.url}   # its "Active Node Address" is the one to name`,
  });
}

/** `value[key][…]`, as far as there are objects. */
export function dig(value: unknown, ...keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) at = isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function send(
  { agent, namespace, token }: VaultChannel,
  { method, body }: VaultRequest,
  url: string,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname } = new URL(url);
  return agent.request({
    origin,
    path: pathname,
    method,
    headers: {
      // Without it, an agent that stands before Vault refuses the request: it can't be forged by a redirect.
      'x-vault-request': 'true',
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(token === undefined ? {} : { 'x-vault-token': token.reveal() }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  });
}

function locationOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const { location } = headers;
  return (statusCode === 307 || statusCode === 308) && typeof location === 'string' ? location : undefined;
}

/** The token goes where the redirect leads: never in clear, where it was meant to be encrypted. */
function redirectTarget({ address }: VaultChannel, from: string, location: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const isSafe =
    target !== undefined &&
    (target.protocol === 'https:' || (target.protocol === 'http:' && new URL(from).protocol === 'http:')) &&
    target.username === '' &&
    target.password === '';
  if (isSafe) return target.href;
  throw new StackError('VAULT_UNTRUSTED', {
    message: `${nameOf(address)} redirects to ${target?.origin ?? 'no URL'}, to which no token is sent`,
    hint: "Give the active node an https address: api_addr in Vault's configuration.",
  });
}

async function answerOf(
  { token }: VaultChannel,
  { confidential = [] }: VaultRequest,
  response: Dispatcher.ResponseData,
): Promise<VaultAnswer> {
  const text = await response.body.text();
  const body = text === '' ? null : parseJson(text);
  const errors = dig(body, 'errors');
  const hidden = token === undefined ? confidential : [token, ...confidential];
  return {
    status: response.statusCode,
    body,
    errors: Array.isArray(errors) ? errors.map((error) => withoutSecrets(String(error), hidden)) : [],
  };
}

/** Vault repeats nothing confidential; a plugin of somebody else's might. */
function withoutSecrets(text: string, secrets: readonly Secret[]): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return secrets.reduce(
    // What is shorter than this is found in any sentence, and would only make it unreadable.
    (rest, secret) => (secret.reveal().length < 4 ? rest : rest.replaceAll(secret.reveal(), String(secret))),
    oneLine,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
