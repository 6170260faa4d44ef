import { StackError } from '../errors.ts';
import { hintRenderer } from '../hint.ts';
import { isReachable } from '../cluster/nodes/view.ts';
import { containerName } from '../plan/model/names.ts';
import type { NatMap } from '../redis/prove.ts';
import { tlsOptions } from '../redis/connect-node.ts';
import { waitForCluster } from '../stack/commands/cluster/whole-cluster.ts';
import { readTrust } from '../stack/connect/trust.ts';
import { withNodes } from '../stack/connect/with-nodes.ts';
import { failover } from '../stack/execute/failover.ts';
import { viewNodes } from '../stack/observe/observe-nodes.ts';
import { findNode, type Session } from '../stack/session/session.ts';
import { poll } from '../poll.ts';
import { startIsolated, type Isolated } from './isolated.ts';
import type { ClusterOptions } from './options.ts';

/** As node:tls takes it. */
interface TlsOptions {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a program in another process needs to connect: plain data, without the password's file. */
export interface ClusterConnection {
  /** Where the nodes are reached from this host. */
  readonly nodes: { readonly host: string; readonly port: number }[];
  readonly password: string;
  /** The address that a node announces → where this host reaches it. */
  readonly natMap: NatMap;
  readonly tls: TlsOptions | undefined;
  /** As environment variables, for a process that is to use it. */
  readonly env: Readonly<Record<string, string>>;
}

/** A node of the cluster takes this long to write what it has, if it keeps anything. */
const GRACE_SECONDS = 10;

/** A verified Redis Cluster of its own, for as long as it is needed: `await using cluster = await RedisCluster.start()`. */
export class RedisCluster implements ClusterConnection, AsyncDisposable {
  /** Begins the names of its containers: `test-1f2e3d4c`. */
  readonly name: string;
  /** Its stack file: `npx redis-cluster status -f FILE`. */
  readonly file: string;
  readonly nodes: { readonly host: string; readonly port: number }[];
  readonly password: string;
  readonly natMap: NatMap;
  readonly tls: TlsOptions | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly #isolated: Isolated;
  #stopped: Promise<void> | undefined;

  private constructor(isolated: Isolated, tls: TlsOptions | undefined) {
    const { session, connection, variables } = isolated;
    const entrance = connection.tls ?? connection.plain;
    this.#isolated = isolated;
    this.name = session.spec.name;
    this.file = session.path;
    this.nodes = (entrance?.nodes ?? []).map(placeOf);
    this.natMap = entrance?.natMap ?? {};
    this.password = connection.password.reveal();
    this.env = variables;
    this.tls = tls;
  }

  /**
   * Starts a cluster: containers, network and volumes of its own, on free ports and a free subnet. Returns when every node
   * agrees on every slot and each primary has taken a write. It is removed by `stop()`, by the end of `await using`, and when
   * this process ends, however it does.
   *
   * @throws StackError what failed, on which resource, and what to do; nothing is left behind
   */
  static async start(options: ClusterOptions = {}): Promise<RedisCluster> {
    const isolated = await explained(undefined, () =>
      startIsolated(options, { env: process.env, report: () => undefined }),
    );
    const { session, connection } = isolated;
    const trust = connection.tls === undefined ? undefined : tlsOptions(await readTrust(session));
    return new RedisCluster(isolated, trust);
  }

  /** The second argument of ioredis' `new Cluster(nodes, …)`. */
  get ioredisOptions(): { natMap: NatMap; redisOptions: { password: string; tls?: TlsOptions } } {
    const { natMap, password, tls } = this;
    return { natMap, redisOptions: { password, ...(tls && { tls }) } };
  }

  /** The argument of node-redis' `createCluster(…)`. */
  get nodeRedisOptions(): {
    rootNodes: { socket: { host: string; port: number } }[];
    nodeAddressMap: NatMap;
    defaults: { password: string; socket?: { tls: true } & TlsOptions };
  } {
    const { nodes, natMap, password, tls } = this;
    return {
      rootNodes: nodes.map((socket) => ({ socket })),
      nodeAddressMap: natMap,
      defaults: { password, ...(tls && { socket: { tls: true, ...tls } }) },
    };
  }

  /** Stops a node's container, as `docker stop`. Without `persistence` its keys are gone. @param name `redis-2` */
  stopNode(name: string): Promise<void> {
    return this.#run(
      ({ engine, spec }, node) => engine.stopContainer(containerName(spec.name, node), GRACE_SECONDS),
      name,
    );
  }

  /** Starts it again, and waits until it answers; where all nodes run then, until the cluster is whole. */
  startNode(name: string): Promise<void> {
    return this.#run(async (session, node) => {
      const { engine, spec } = session;
      await engine.startContainer(containerName(spec.name, node));
      const containers = await engine.listContainers();
      const isRunning = (other: string): boolean =>
        containers.some((one) => one.name === containerName(spec.name, other) && one.state === 'running');
      if (spec.nodes.every((other) => isRunning(other.name))) {
        await waitForCluster(session);
        return;
      }
      await withNodes(session, async (nodes) => {
        await poll(
          () => nodes.get(node).observe(),
          ({ reachable }) => reachable,
          session,
        );
      });
    }, name);
  }

  /** Makes a replica the primary; returns when every node knows. @param name the replica: `redis-4` */
  failover(name: string): Promise<void> {
    return this.#run(async (session, node) => {
      await failover(session, node, 'manual');
    }, name);
  }

  /** Deletes every key. */
  flush(): Promise<void> {
    return this.#run((session) =>
      withNodes(session, async (nodes) => {
        const views = (await viewNodes(session, nodes.all)).filter(isReachable);
        const primaries = views.filter(({ table }) => table.myself.role === 'primary');
        await Promise.all(primaries.map((view) => nodes.patient(session.timeoutMs).get(view.name).send('FLUSHALL')));
      }),
    );
  }

  /** Removes containers, network, volumes and files; one that was started with `reuse` stays. May be called again. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#run(() => this.#isolated.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(work: (session: Session, node: string) => Promise<void>, name?: string): Promise<void> {
    const { session } = this.#isolated;
    await explained(this.file, () => work(session, name === undefined ? '' : findNode(session, name).name));
  }
}

/** For people who read an error where no command line shows it: what to do is in its message. */
async function explained<T>(file: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const render = hintRenderer({ program: 'npx redis-cluster', file, host: undefined });
    const lines = [...error.details, ...(error.hint === undefined ? [] : [`→ ${render(error.hint)}`])];
    throw new StackError(error.code, {
      message: [error.message, ...lines].join('\n  '),
      cause: error.cause,
    });
  }
}

function placeOf(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
