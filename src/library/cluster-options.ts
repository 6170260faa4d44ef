/** What an isolated cluster is to be like. Everything has a default. */
export interface ClusterOptions {
  /** How many primaries: 3 or more. Default: 3. */
  readonly nodes?: number | undefined;
  /** Replicas of each primary, 0 to 5. Default: 0. */
  readonly replicas?: number | undefined;
  /** Default: `redis:7-alpine`. */
  readonly image?: string | undefined;
  /** Port 6380 with certificates of a private authority, beside the plain one. Default: false. */
  readonly tls?: boolean | undefined;
  /** An append-only file, so that a node that is stopped and started again has its keys. Default: false. */
  readonly persistence?: boolean | undefined;
  /** How long, in milliseconds, until a node that doesn't answer counts as failed. Default: 5000. */
  readonly nodeTimeoutMs?: number | undefined;
  /** Lines of a redis.conf of your own. */
  readonly config?: string | undefined;
  /**
   * `stop()` and the end of the process leave the cluster running, with its keys, and the next start with the same options
   * takes it. Default: false.
   */
  readonly reuse?: boolean | undefined;
  /** The container engine, as in DOCKER_HOST. Default: the one that the docker command line would use. */
  readonly host?: string | undefined;
  /** The longest that any single wait may take, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Ends the start when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}
