import { parseNodeTable, type NodeRow, type NodeTable } from './node-table.ts';

/** What one node answered, or why it didn't. `name` is the node's in the YAML file. */
export type NodeView = ReachableView | UnreachableView;

export interface ReachableView {
  readonly name: string;
  readonly reachable: true;
  readonly table: NodeTable;
  readonly info: ClusterInfo;
  /** Keys in the node's database. */
  readonly keyCount: number;
  /** `Redis 7.0.15`, `Valkey 9.1.2`. */
  readonly server: string;
  /** Without the name. */
  readonly redisVersion: string;
  readonly usedMemoryBytes: number;
  /** Keys that it has thrown out since it started, to make room. */
  readonly evictedKeys: number;
  /** For a replica: whether it has its primary's data and follows it. */
  readonly replicationLink: 'up' | 'down' | undefined;
  /** Every field of INFO, as Redis gives it. */
  readonly fields: ReadonlyMap<string, string>;
  /** CONFIG GET of DECIDING_SETTINGS, where INFO leaves a doubt whether it takes writes. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Settings that decide, beside INFO, whether a node takes writes. */
export const DECIDING_SETTINGS = ['min-replicas-to-write', 'stop-writes-on-bgsave-error', 'save'] as const;

/** INFO has the first field only where a number of replicas is asked for. */
export function isDoubtful(info: string): boolean {
  return /^(min_slaves_good_slaves:|rdb_last_bgsave_status:err)/m.test(info);
}

interface UnreachableView {
  readonly name: string;
  readonly reachable: false;
  /** Why: `ECONNREFUSED`, `LOADING`, … */
  readonly reason: string;
  /** It runs, and only a restart brings back the password that is in its files. */
  readonly mend?: 'restart';
}

/** The fields of CLUSTER INFO that the program decides by. */
export interface ClusterInfo {
  readonly state: 'ok' | 'fail';
  readonly slotsAssigned: number;
  readonly slotsOk: number;
  readonly knownNodes: number;
  /** Primaries that own at least one slot. */
  readonly size: number;
  /** The highest that the node has heard of. */
  readonly currentEpoch: number;
  /** Under which it, or its primary, owns its slots. */
  readonly ownEpoch: number;
}

/** From the replies to CLUSTER NODES, CLUSTER INFO and INFO. */
export function parseView(
  name: string,
  replies: { readonly nodes: string; readonly clusterInfo: string; readonly info: string },
  settings: ReachableView['settings'] = new Map(),
): ReachableView {
  const info = parseInfo(replies.info);
  const table = parseNodeTable(replies.nodes);
  const link = info.get('master_link_status');
  const valkeyVersion = info.get('valkey_version');
  const redisVersion = valkeyVersion ?? info.get('redis_version') ?? 'unknown';
  return {
    name,
    reachable: true,
    table,
    // After an atomic migration, CLUSTER INFO of Redis 8.6 goes on telling the number from before.
    info: { ...parseClusterInfo(replies.clusterInfo), size: table.rows.filter(({ slots }) => slots.length > 0).length },
    keyCount: Number(/keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? 0),
    server: `${valkeyVersion === undefined ? 'Redis' : 'Valkey'} ${redisVersion}`,
    redisVersion,
    usedMemoryBytes: Number(info.get('used_memory') ?? 0),
    evictedKeys: Number(info.get('evicted_keys') ?? 0),
    replicationLink: table.myself.role === 'replica' ? (link === 'up' ? 'up' : 'down') : undefined,
    fields: info,
    settings,
  };
}

export function parseClusterInfo(text: string): ClusterInfo {
  const fields = parseInfo(text);
  const count = (name: string): number => Number(fields.get(name) ?? Number.NaN);
  return {
    state: fields.get('cluster_state') === 'ok' ? 'ok' : 'fail',
    slotsAssigned: count('cluster_slots_assigned'),
    slotsOk: count('cluster_slots_ok'),
    knownNodes: count('cluster_known_nodes'),
    size: count('cluster_size'),
    currentEpoch: count('cluster_current_epoch'),
    ownEpoch: count('cluster_my_epoch'),
  };
}

/** The `field:value` lines of INFO and CLUSTER INFO. */
export function parseInfo(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
}

/** What is left of the memory without what Redis itself needs. Where it takes that for more than all, the number wraps around. */
export function datasetBytes(info: ReadonlyMap<string, string>): number {
  const [dataset = 0, used = 0] = ['used_memory_dataset', 'used_memory'].map((name) => Number(info.get(name) ?? 0));
  return dataset > used ? 0 : dataset;
}

/** How much of its primary's stream a replica has taken, in bytes. */
export function replicationOffset({ fields }: ReachableView): number {
  return Number(fields.get('slave_repl_offset') ?? 0);
}

export function rowOf({ table }: ReachableView, id: string): NodeRow | undefined {
  return table.rows.find((row) => row.id === id);
}

export function isReachable(view: NodeView): view is ReachableView {
  return view.reachable;
}
