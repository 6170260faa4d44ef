import type { Redis } from 'ioredis';
import { parseView, type NodeView } from '../cluster/nodes/view.ts';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { Secret } from '../secret.ts';
import { connectNode, PasswordRefused, REPLY_TIMEOUT_MS, type NodeAddress } from './connect-node.ts';

/** The passwords that a node may have, the likeliest first; one that isn't known is undefined. */
export type PasswordCandidates = readonly (() => Promise<Secret | undefined>)[];

/** A command and its arguments. */
export type RedisCommand = readonly [string, ...(string | number | Buffer)[]];

/** Redis's own words for what it refused, and nothing of the command: an argument may be a password. */
export class Refusal extends Error {}

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
      return parseView(this.name, { nodes: String(nodes), clusterInfo: String(clusterInfo), info: String(info) });
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
    const words = command.slice(0, 3).filter((word) => !Buffer.isBuffer(word));
    return new StackError('CLUSTER_UNHEALTHY', {
      message: `${this.name} refused ${words.join(' ')}: ${this.#reason(error)}`,
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

/** A map as RESP2 sends it: names and values in turns. */
function fieldOf(reply: unknown, name: string): unknown {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const index = values.indexOf(name);
  return index === -1 ? undefined : values[index + 1];
}
