import { StackError } from '../errors.ts';
import { hintRenderer } from '../hint.ts';
import { containerName } from '../plan/model/names.ts';
import { poll } from '../poll.ts';
import { waitForCluster } from '../stack/commands/cluster/whole-cluster.ts';
import { withNodes } from '../stack/connect/with-nodes.ts';
import { failover } from '../stack/execute/failover.ts';
import { findNode, type Session } from '../stack/session/session.ts';
import { flush, type ClusterConnection } from './connection.ts';
import { connectionOf } from './describe-connection.ts';
import { startIsolated, type Isolated } from './isolated.ts';
import type { ClusterOptions } from './cluster-options.ts';

/** Time for a node to write what it has, if it keeps anything. */
const GRACE_SECONDS = 10;

/** A verified Redis Cluster of its own, for as long as it is needed: `await using cluster = await RedisCluster.start()`. */
export class RedisCluster implements ClusterConnection, AsyncDisposable {
  /** Begins the names of its containers: `test-1f2e3d4c`. */
  readonly name: string;
  /** Its stack file: `npx redis-cluster status -f FILE`. */
  readonly file: string;
  readonly nodes: ClusterConnection['nodes'];
  readonly password: string;
  readonly ioredisOptions: ClusterConnection['ioredisOptions'];
  readonly nodeRedisOptions: ClusterConnection['nodeRedisOptions'];
  readonly env: ClusterConnection['env'];
  readonly #isolated: Isolated;
  #stopped: Promise<void> | undefined;

  private constructor(isolated: Isolated, connection: ClusterConnection) {
    this.#isolated = isolated;
    this.name = isolated.session.spec.name;
    this.file = isolated.session.path;
    this.nodes = connection.nodes;
    this.password = connection.password;
    this.ioredisOptions = connection.ioredisOptions;
    this.nodeRedisOptions = connection.nodeRedisOptions;
    this.env = connection.env;
  }

  /**
   * Starts a cluster: containers, network and volumes of its own, on free ports and a free subnet. Returns when every node
   * agrees on every slot and each primary has taken a write. It is removed by `stop()`, by the end of `await using`, and when
   * this process ends, however it does.
   *
   * @throws StackError what failed, on which resource, and what to do; nothing is left behind
   */
  static start(options: ClusterOptions = {}): Promise<RedisCluster> {
    return explained(undefined, async () => {
      const isolated = await startIsolated(options, { env: process.env, report: () => undefined });
      return new RedisCluster(isolated, await connectionOf(isolated.session, isolated.connection));
    });
  }

  /** Plain data, for another process. */
  get connection(): ClusterConnection {
    const { nodes, password, ioredisOptions, nodeRedisOptions, env } = this;
    return { nodes, password, ioredisOptions, nodeRedisOptions, env };
  }

  /** Stops a node's container, as `docker stop` does. Without `persistence` its keys are gone. @param name `redis-2` */
  stopNode(name: string): Promise<void> {
    return this.#run(({ engine, spec }) => {
      const container = containerName(spec.name, findNode({ spec }, name).name);
      return engine.stopContainer(container, GRACE_SECONDS);
    });
  }

  /** Starts it again, and waits until it answers; where all nodes run then, until the cluster is whole. */
  startNode(name: string): Promise<void> {
    return this.#run(async (session) => {
      const { engine, spec } = session;
      const node = findNode(session, name).name;
      await engine.startContainer(containerName(spec.name, node));
      const containers = await engine.listContainers();
      const running = new Set(containers.filter(({ state }) => state === 'running').map((one) => one.name));
      if (spec.nodes.every((other) => running.has(containerName(spec.name, other.name)))) {
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
    });
  }

  /** Makes a replica the primary; returns when every node knows. @param name the replica: `redis-4` */
  failover(name: string): Promise<void> {
    return this.#run(async (session) => {
      await failover(session, name, 'manual');
    });
  }

  /** Deletes every key. */
  flush(): Promise<void> {
    return this.#run(() => flush(this));
  }

  /** Removes containers, network, volumes and files; one that was started with `reuse` stays. May be called again. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#run(() => this.#isolated.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #run(work: (session: Session) => Promise<void>): Promise<void> {
    return explained(this.file, () => work(this.#isolated.session));
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
    throw new StackError(error.code, { message: [error.message, ...lines].join('\n  '), cause: error.cause });
  }
}
