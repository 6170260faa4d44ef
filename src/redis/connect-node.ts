import type { Redis } from 'ioredis';
import { setDeadline } from '../bounds.ts';
import { errorMessage } from '../errors.ts';
import type { Secret } from '../secret.ts';

export interface NodeAddress {
  /** The node's name in the YAML file. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsTrust | undefined;
  /** Who logs in; the user `default` where it isn't said. */
  readonly user?: string | undefined;
}

/** What a TLS connection to a node is verified with, and what this side shows of itself. */
export interface TlsTrust {
  readonly caPem: string;
  readonly client: { readonly certificatePem: string; readonly privateKeyPem: Secret } | undefined;
}

/**
 * How long a reply may take: a node that can't be connected to, or looked at, in that time counts as unreachable. Who is sent
 * a command has just answered.
 */
export const REPLY_MS = { look: 2000, command: 4000 } as const;

/** WRONGPASS: another password may be the right one. */
export class PasswordRefused extends Error {}

/**
 * A connection that is logged in, and that is not made again when it is lost.
 *
 * @throws PasswordRefused, Refusal; Error with the system's own words; none with anything of the command
 */
export async function connectNode(
  { host, port, tls, user = 'default' }: NodeAddress,
  password: Secret,
): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const client = new Redis({
    host,
    port,
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: REPLY_MS.look,
  });
  // What connect() rejects with is only `Connection is closed`; the event before it says why.
  let why: unknown;
  client.on('error', (error) => {
    why = error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw why ?? error;
  }
  // A Redis without a password refuses AUTH. No node of a stack is one.
  if (password.reveal() === '') return client;
  try {
    // Sent here and not by ioredis, which would be `ready` before it knows that the password is the wrong one.
    await inTime(client.call('AUTH', user, password.reveal()), REPLY_MS.look);
    return client;
  } catch (error) {
    client.disconnect();
    if (errorMessage(error).startsWith('WRONGPASS')) throw new PasswordRefused();
    // oxlint-disable-next-line preserve-caught-error -- ioredis keeps the command on its error, and with it the password
    throw refusalIn(error) ?? new Error(errorMessage(error));
  }
}

/** The reply, or an error where it takes longer. Commands of one connection may have their own times: ioredis has one for all. */
export async function inTime<T>(reply: Promise<T>, timeoutMs: number): Promise<T> {
  let deadline: ReturnType<typeof setDeadline> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    deadline = setDeadline(() => reject(new Error('Command timed out')), timeoutMs);
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    deadline?.clear();
  }
}

/** As node:tls takes it; verification is left on. */
export function tlsOptions({ caPem, client }: TlsTrust): { ca: string; cert?: string; key?: string } {
  if (client === undefined) return { ca: caPem };
  return { ca: caPem, cert: client.certificatePem, key: client.privateKeyPem.reveal() };
}

/** Redis's own words for what it refused, and nothing of the command: an argument may be a password. */
export class Refusal extends Error {}

/** What Redis refused in `error`, an error of ioredis; undefined where it is the connection that failed. */
export function refusalIn(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  return error instanceof Error && error.name === 'ReplyError' ? new Refusal(error.message) : undefined;
}
