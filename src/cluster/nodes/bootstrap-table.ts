import type { NodeRow, NodeTable } from './node-table.ts';
import { divideSlots, formatRange } from '../slots/slots.ts';

/**
 * How a cluster comes to be in a tenth of a second.
 *
 * A primary refuses to leave `cluster_state:fail` for two seconds after its process started (CLUSTER_WRITABLE_DELAY in
 * Redis's cluster.c); a replica doesn't wait, and a node that is already `ok` stays so when it becomes a primary. So
 * every node is given, before its first start, a nodes.conf in which it is a *replica* of a phantom: a primary that owns
 * slots and has no address. (It isn't flagged `noaddr`: Valkey wouldn't count it, and be `fail`.) The nodes link up and are
 * `ok` at once; each future primary then takes its phantom's slots with CLUSTER FAILOVER TAKEOVER, future replicas follow it
 * by themselves, and the phantoms are forgotten.
 *
 * It is safe because such a node can hold no data: as a replica it takes no write, and its primary doesn't exist.
 */
export interface BootstrapNode {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  /** The port of the other kind, as Redis 7.2 and later name it: `tls-port=6380`. */
  readonly otherPort: string;
  readonly busPort: number;
  /** The future primary whose slots this node will own or copy: an index into the primaries, from 0. */
  readonly shard: number;
}

const PHANTOM_PREFIX = '0'.repeat(32);

/** Recognisable in any node table, and never the id of a node: those are random or a SHA-1. */
export function phantomId(shard: number): string {
  return PHANTOM_PREFIX + shard.toString(16).padStart(8, '0');
}

export function isPhantom(id: string | undefined): boolean {
  return id?.startsWith(PHANTOM_PREFIX) ?? false;
}

/** The first nodes.conf of `nodes[self]`. The first `primaryCount` of `nodes` are the future primaries. */
export function bootstrapTable(nodes: readonly BootstrapNode[], primaryCount: number, self: number): string {
  // Redis 7.2 and later, and Valkey, name a primary and its replicas together by it; what is older passes over it. Without one
  // each node makes up its own, and CLUSTER SHARDS of Valkey leaves out the primary for good.
  const shardText = (shard: number): string => `shard-id=${nodes[shard]?.id ?? ''}`;
  const phantoms = divideSlots(primaryCount).map(
    (range, shard) =>
      `${phantomId(shard)} :0@0,,${shardText(shard)} master - 0 0 ${shard + 1} disconnected ${formatRange(range)}`,
  );
  const rows = nodes.map(({ id, ip, port, otherPort, busPort, shard }, index) => {
    const flags = index === self ? 'myself,slave' : 'slave';
    const link = index === self ? 'connected' : 'disconnected';
    // A node that hears of a port that it doesn't know begins its link anew.
    const address = `${ip}:${port}@${busPort},,${otherPort},${shardText(shard)}`;
    return `${id} ${address} ${flags} ${phantomId(shard)} 0 0 ${shard + 1} ${link}`;
  });
  // Each takeover takes the node's own current epoch plus one: distinct ones here make distinct ones there, where gossip
  // hasn't levelled them before. If it has, Redis settles the collision within seconds.
  const currentEpoch = primaryCount + self + 1;
  return [...rows, ...phantoms, `vars currentEpoch ${currentEpoch} lastVoteEpoch 0`, ''].join('\n');
}

/** The node hasn't begun its life: it is a phantom's replica, so it never took a write. */
export function isBootstrapping(table: NodeTable): boolean {
  return isPhantom(table.myself.primaryId);
}

export function phantomRows(table: NodeTable): readonly NodeRow[] {
  return table.rows.filter(({ id }) => isPhantom(id));
}
