import type { Redis } from 'ioredis';
import { DECIDING_SETTINGS, isDoubtful, parseView, type NodeView } from '../cluster/nodes/view.ts';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { hint, run } from '../hint.ts';
import { Secret } from '../secret.ts';
import { connectNode, inTime, PasswordRefused, refusalIn, REPLY_MS, type NodeAddress } from './connect-node.ts';

/** The passwords that a node may have, the likeliest first; one that isn't known is undefined. */
type PasswordCandidates = readonly (() => Promise<Secret | undefined>)[];

/** A command and its arguments. */
export type RedisCommand = readonly [string, ...(string | number | Buffer)[]];

/** The connection itself, as it stands. */
interface Line {
  client: Redis | undefined;
  connecting: Promise<Redis> | undefined;
  password: Secret | undefined;
  /** More of them: see `sendSideBySide`. */
  beside: readonly NodeLink[];
}

/** More take longer to connect than they save. */
const CONNECTIONS_BESIDE = 7;

/** Who may log in at a node, and how it logs in elsewhere. */
export interface NodePasswords {
  /** The SHA-256 of each password of the user default. */
  readonly accepted: readonly string[];
  /** With which it logs in at its primary. */
  readonly sent: Secret;
  /** The lines of ACL LIST: they hold hashes of passwords. */
  readonly users: readonly string[];
  /** The file from which it reads its users when it starts. */
  readonly usersFile: string;
}

/** One connection to one node, made when it is first needed and again when it was lost. */
export class NodeLink {
  readonly address: NodeAddress;
  readonly #passwords: PasswordCandidates;
  readonly #lookMs: number;
  readonly #commandMs: number;
  readonly #line: Line;

  /** @param replyTimeoutMs for a look and for a command, where it isn't the usual */
  constructor(
    address: NodeAddress,
    passwords: PasswordCandidates,
    replyTimeoutMs?: number,
    line: Line = { client: undefined, connecting: undefined, password: undefined, beside: [] },
  ) {
    this.address = address;
    this.#passwords = passwords;
    this.#lookMs = replyTimeoutMs ?? REPLY_MS.look;
    this.#commandMs = replyTimeoutMs ?? REPLY_MS.command;
    this.#line = line;
  }

  /** The same connection, for commands that take their time: MIGRATE, or a replica that drops its copy. */
  patient(replyTimeoutMs: number): NodeLink {
    return new NodeLink(this.address, this.#passwords, replyTimeoutMs, this.#line);
  }

  get name(): string {
    return this.address.name;
  }

  /**
   * What the node says of the cluster and of itself, in one round trip; in two where it may refuse writes.
   *
   * @throws StackError AUTH_FAILED when the node has a password of nobody's; every other failure is an unreachable view.
   */
  async observe(): Promise<NodeView> {
    try {
      const client = await this.#connected();
      const [nodes, clusterInfo, info] = await inTime(
        Promise.all([client.call('CLUSTER', 'NODES'), client.call('CLUSTER', 'INFO'), client.call('INFO')]),
        this.#lookMs,
      );
      const replies = { nodes: String(nodes), clusterInfo: String(clusterInfo), info: String(info) };
      return parseView(this.name, replies, isDoubtful(replies.info) ? await this.#decidingSettings(client) : undefined);
    } catch (error) {
      this.close();
      return { name: this.name, reachable: false, reason: this.#reason(error) };
    }
  }

  /** A node before 7.0 takes one name at a time. */
  async #decidingSettings(client: Redis): Promise<Map<string, string>> {
    const ask = async (name: string): Promise<[string, string]> => {
      const reply = await client.call('CONFIG', 'GET', name);
      return [name, Array.isArray(reply) ? String(reply[1] ?? '') : ''];
    };
    return new Map(await inTime(Promise.all(DECIDING_SETTINGS.map(ask)), this.#lookMs));
  }

  /** Sends one command and gives its reply. @throws StackError REDIS_REFUSED with Redis's own words, NODE_DISCONNECTED */
  send(...command: RedisCommand): Promise<unknown> {
    return this.#ask(command);
  }

  /**
   * Sends commands in one go. For each its reply, bulk strings as Buffers, or a Refusal.
   *
   * @throws StackError NODE_DISCONNECTED when the connection is lost, and which of the commands were carried out is unknown; REDIS_REFUSED when the login is
   */
  async sendAll(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    if (commands.length === 0) return [];
    const failed = (error: unknown): StackError => this.#failure(commands[0] ?? [''], error);
    const pipeline = (await this.#connected().catch((error: unknown) => Promise.reject(failed(error)))).pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
    const replies =
      (await inTime(pipeline.exec(), this.#commandMs).catch((error: unknown) => Promise.reject(failed(error)))) ?? [];
    return replies.map(([error, reply]) => {
      if (error === null) return reply;
      const refusal = refusalIn(error);
      if (refusal === undefined) throw failed(error);
      return refusal;
    });
  }

  /**
   * The same for commands of which none depends on another, over several connections: where a node has each of them wait
   * for its replica, it waits once for all that came over different ones. None is under way any more when this ends.
   */
  async sendSideBySide(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    if (this.#line.beside.length === 0) {
      const passwords = [(): Promise<Secret> => this.takenPassword()];
      this.#line.beside = Array.from(
        { length: CONNECTIONS_BESIDE },
        () => new NodeLink(this.address, passwords, this.#commandMs),
      );
    }
    const links = [this, ...this.#line.beside];
    const parts = links.map((_, at) => commands.filter((__, index) => index % links.length === at));
    const ends = await Promise.allSettled(links.map((link, at) => link.sendAll(parts[at] ?? [])));
    const replies = ends.map((end): readonly unknown[] => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
    return commands.map((_, index) => replies[index % links.length]?.[Math.floor(index / links.length)]);
  }

  /** The password that the node has taken. */
  async takenPassword(): Promise<Secret> {
    await this.#connected();
    return this.#line.password ?? new Secret('');
  }

  async #ask(command: RedisCommand): Promise<unknown> {
    const [name, ...args] = command;
    try {
      const client = await this.#connected();
      return await inTime(client.call(name, ...args), this.#commandMs);
    } catch (error) {
      throw this.#failure(command, error);
    }
  }

  #failure(command: RedisCommand, error: unknown): StackError {
    const words = command.slice(0, 3).filter((word) => !Buffer.isBuffer(word));
    const reason = this.#reason(error);
    const isRefused = refusalIn(error) !== undefined;
    return new StackError(isRefused ? 'REDIS_REFUSED' : 'NODE_DISCONNECTED', {
      message: `${this.name} ${isRefused ? 'refused' : 'did not answer'} ${words.join(' ')}: ${reason}`,
      cause: new Error(reason),
      hint: run('status'),
    });
  }

  async readPasswords(): Promise<NodePasswords> {
    const [user, masterauth, aclfile, list] = await Promise.all([
      this.#ask(['ACL', 'GETUSER', 'default']),
      this.#ask(['CONFIG', 'GET', 'masterauth']),
      this.#ask(['CONFIG', 'GET', 'aclfile']),
      this.#ask(['ACL', 'LIST']),
    ]);
    return {
      accepted: textsOf(fieldOf(user, 'passwords')),
      sent: new Secret(textsOf(masterauth)[1] ?? ''),
      users: textsOf(list),
      usersFile: textsOf(aclfile)[1] ?? '',
    };
  }

  close(): void {
    this.#line.client?.disconnect();
    this.#line.client = undefined;
    for (const link of this.#line.beside) link.close();
  }

  /** Commands that are sent at the same time share the connection that the first of them makes. */
  async #connected(): Promise<Redis> {
    const { client } = this.#line;
    if (client?.status === 'ready') return client;
    this.#line.connecting ??= this.#connect().finally(() => {
      this.#line.connecting = undefined;
    });
    return this.#line.connecting;
  }

  async #connect(): Promise<Redis> {
    this.close();
    let refusal: unknown;
    for (const candidate of this.#passwords) {
      const password = await candidate();
      if (password === undefined) continue;
      try {
        const client = await connectNode(this.address, password);
        Object.assign(this.#line, { client, password });
        return client;
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
        hint: hint`${run(`restart ${this.name}`)}   # brings back the one in the container's files; every key stays`,
      });
    }
    return systemErrorCode(error) ?? errorMessage(error);
  }
}

function textsOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

/** A map as RESP2 sends it: names and values in turns. */
function fieldOf(reply: unknown, name: string): unknown {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const index = values.indexOf(name);
  return index === -1 ? undefined : values[index + 1];
}
