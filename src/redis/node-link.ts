import type { Redis } from 'ioredis';
import { parseNodeTable } from '../cluster/node-table.ts';
import { parseClusterInfo, parseInfo, type NodeView, type ReachableView } from '../cluster/view.ts';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { Secret } from '../secret.ts';

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

/** The passwords that a node may have, the likeliest first; one that isn't known is undefined. */
export type PasswordCandidates = readonly (() => Promise<Secret | undefined>)[];

/** A command and its arguments. */
export type RedisCommand = readonly [string, ...(string | number | Buffer)[]];

/** Redis's own words for what it refused, and nothing of the command: an argument may be a password. */
export class Refusal extends Error {}

/** How long one connection attempt or one reply may take before the node counts as unreachable. */
const REPLY_TIMEOUT_MS = 2000;

/** One connection to one node, made when it is first needed and again when it was lost. */
export class NodeLink {
  readonly address: NodeAddress;
  readonly #passwords: PasswordCandidates;
  readonly #replyTimeoutMs: number;
  #client: Redis | undefined;
  #connecting: Promise<Redis> | undefined;
  #password: Secret | undefined;

  /** @param replyTimeoutMs longer for commands that take their time, such as MIGRATE */
  constructor(address: NodeAddress, passwords: PasswordCandidates, replyTimeoutMs = REPLY_TIMEOUT_MS) {
    this.address = address;
    this.#passwords = passwords;
    this.#replyTimeoutMs = replyTimeoutMs;
  }

  get name(): string {
    return this.address.name;
  }

  /**
   * What the node says of the cluster and of itself, in one round trip.
   *
   * @throws StackError AUTH_FAILED when the node has a password of nobody's; every other failure is an unreachable view.
   */
  async observe(): Promise<NodeView> {
    try {
      const client = await this.#connected();
      const [nodes, clusterInfo, info] = await Promise.all([
        client.call('CLUSTER', 'NODES'),
        client.call('CLUSTER', 'INFO'),
        client.call('INFO'),
      ]);
      return toView(this.name, String(nodes), String(clusterInfo), String(info));
    } catch (error) {
      this.close();
      return { name: this.name, reachable: false, reason: this.#reason(error) };
    }
  }

  /** Sends one command and gives its reply. @throws StackError CLUSTER_UNHEALTHY with Redis's own error. */
  send(...command: RedisCommand): Promise<unknown> {
    return this.#ask(command);
  }

  /**
   * Sends commands in one go. For each its reply, bulk strings as Buffers, or a Refusal.
   *
   * @throws StackError CLUSTER_UNHEALTHY when the connection is lost; which of the commands were carried out is unknown
   */
  async sendAll(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    if (commands.length === 0) return [];
    const failed = (error: unknown): StackError => this.#failure(commands[0] ?? [''], error);
    const pipeline = (await this.#connected().catch((error: unknown) => Promise.reject(failed(error)))).pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, reply]) => {
      if (error === null) return reply;
      if (error.name === 'ReplyError') return new Refusal(error.message);
      throw failed(error);
    });
  }

  /** The password that the node has taken. */
  async takenPassword(): Promise<Secret> {
    await this.#connected();
    return this.#password ?? new Secret('');
  }

  async #ask(command: RedisCommand): Promise<unknown> {
    const [name, ...args] = command;
    try {
      const client = await this.#connected();
      return await client.call(name, ...args);
    } catch (error) {
      throw this.#failure(command, error);
    }
  }

  #failure(command: RedisCommand, error: unknown): StackError {
    return new StackError('CLUSTER_UNHEALTHY', {
      message: `${this.name} refused ${command.slice(0, 3).join(' ')}: ${this.#reason(error)}`,
      hint: 'npx tsx manage.ts status',
    });
  }

  /** The SHA-256 of each password with which a client may log in here, and the one with which this node does elsewhere. */
  async readPasswords(): Promise<{ readonly accepted: readonly string[]; readonly sent: Secret }> {
    const [user, config] = await Promise.all([
      this.#ask(['ACL', 'GETUSER', 'default']),
      this.#ask(['CONFIG', 'GET', 'masterauth']),
    ]);
    const accepted = fieldOf(user, 'passwords');
    const sent = fieldOf(config, 'masterauth');
    return {
      accepted: Array.isArray(accepted) ? accepted.map(String) : [],
      sent: new Secret(typeof sent === 'string' ? sent : ''),
    };
  }

  close(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  /** Commands that are sent at the same time share the connection that the first of them makes. */
  async #connected(): Promise<Redis> {
    if (this.#client?.status === 'ready') return this.#client;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Redis> {
    this.close();
    let refusal: unknown;
    for (const candidate of this.#passwords) {
      const password = await candidate();
      if (password === undefined) continue;
      try {
        this.#client = await connectNode(this.address, password, this.#replyTimeoutMs);
        this.#password = password;
        return this.#client;
      } catch (error) {
        if (!(error instanceof PasswordRefused)) throw error;
        refusal = error;
      }
    }
    throw refusal ?? new Error('the password is not known here');
  }

  /** The error object itself goes no further: ioredis keeps the command on it, and for AUTH that is the password. */
  #reason(error: unknown): string {
    if (error instanceof PasswordRefused) {
      throw new StackError('AUTH_FAILED', {
        message: `${this.name} has a password that this program doesn't know: it was changed by hand`,
        hint: `npx tsx manage.ts restart ${this.name}   # brings back the one in the container's files; every key stays`,
      });
    }
    return systemErrorCode(error) ?? errorMessage(error);
  }
}

class PasswordRefused extends Error {}

async function connectNode(
  { host, port, tls, user = 'default' }: NodeAddress,
  password: Secret,
  replyTimeoutMs: number,
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
    connectTimeout: REPLY_TIMEOUT_MS,
    commandTimeout: replyTimeoutMs,
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
    await client.call('AUTH', user, password.reveal());
    return client;
  } catch (error) {
    client.disconnect();
    if (errorMessage(error).startsWith('WRONGPASS')) throw new PasswordRefused();
    // oxlint-disable-next-line preserve-caught-error -- ioredis keeps the command on its error, and with it the password
    throw new Error(errorMessage(error));
  }
}

/** As node:tls takes it; verification is left on. */
export function tlsOptions({ caPem, client }: TlsTrust): { ca: string; cert?: string; key?: string } {
  if (client === undefined) return { ca: caPem };
  return { ca: caPem, cert: client.certificatePem, key: client.privateKeyPem.reveal() };
}

/** A map as RESP2 sends it: names and values in turns. */
function fieldOf(reply: unknown, name: string): unknown {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const index = values.indexOf(name);
  return index === -1 ? undefined : values[index + 1];
}

function toView(name: string, nodes: string, clusterInfo: string, infoText: string): ReachableView {
  const info = parseInfo(infoText);
  const table = parseNodeTable(nodes);
  const link = info.get('master_link_status');
  return {
    name,
    reachable: true,
    table,
    info: parseClusterInfo(clusterInfo),
    keyCount: Number(/keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? 0),
    redisVersion: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
    usedMemoryBytes: Number(info.get('used_memory') ?? 0),
    replicationLink: table.myself.role === 'replica' ? (link === 'up' ? 'up' : 'down') : undefined,
  };
}
