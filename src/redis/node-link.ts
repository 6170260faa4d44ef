import type { Redis } from 'ioredis';
import { parseNodeTable } from '../cluster/node-table.ts';
import { parseClusterInfo, parseInfo, type NodeView, type ReachableView } from '../cluster/view.ts';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import type { Secret } from '../secret.ts';

export interface NodeAddress {
  /** The node's name in the YAML file. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** How long one connection attempt or one reply may take before the node counts as unreachable. */
const REPLY_TIMEOUT_MS = 2000;

/** One connection to one node, made when it is first needed and again when it was lost. */
export class NodeLink {
  readonly address: NodeAddress;
  readonly #password: Secret;
  #client: Redis | undefined;

  constructor(address: NodeAddress, password: Secret) {
    this.address = address;
    this.#password = password;
  }

  get name(): string {
    return this.address.name;
  }

  /**
   * What the node says of the cluster and of itself, in one round trip.
   *
   * @throws StackError AUTH_FAILED when the node has another password; every other failure is an unreachable view.
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
  async send(...command: readonly [string, ...(string | number)[]]): Promise<unknown> {
    const [name, ...args] = command;
    try {
      const client = await this.#connected();
      return await client.call(name, ...args);
    } catch (error) {
      throw new StackError('CLUSTER_UNHEALTHY', {
        message: `${this.name} refused ${command.slice(0, 3).join(' ')}: ${this.#reason(error)}`,
        hint: 'npx tsx manage.ts status',
      });
    }
  }

  close(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  async #connected(): Promise<Redis> {
    if (this.#client?.status === 'ready') return this.#client;
    this.close();
    const { Redis } = await import('ioredis');
    const client = new Redis({
      host: this.address.host,
      port: this.address.port,
      password: this.#password.reveal(),
      protocol: 2,
      lazyConnect: true,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      connectTimeout: REPLY_TIMEOUT_MS,
      commandTimeout: REPLY_TIMEOUT_MS,
    });
    // What connect() rejects with is only `Connection is closed`; the event before it says why.
    let why: unknown;
    client.on('error', (error) => {
      why = error;
    });
    this.#client = client;
    try {
      await client.connect();
      return client;
    } catch (error) {
      throw why ?? error;
    }
  }

  /** The error object itself goes no further: ioredis keeps the command on it, and for AUTH that is the password. */
  #reason(error: unknown): string {
    const text = errorMessage(error);
    if (/^(WRONGPASS|NOAUTH|ERR invalid password)/.test(text)) {
      throw new StackError('AUTH_FAILED', {
        message: `${this.name} has another password than this program (${text.split(' ')[0] ?? 'NOAUTH'})`,
        hint: 'The containers were made with another password. npx tsx manage.ts down, then up, gives them this one; the data stays.',
      });
    }
    return systemErrorCode(error) ?? text;
  }
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
