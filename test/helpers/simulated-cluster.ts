import { isPhantom } from '../../src/cluster/nodes/bootstrap-table.ts';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { formatRange, SLOT_COUNT, type SlotRange } from '../../src/cluster/slots/slots.ts';
import type { ReachableView } from '../../src/cluster/nodes/view.ts';
import { initialNodeTable } from '../../src/plan/node/redis-config.ts';
import type { ClusterAction } from '../../src/plan/cluster/plan-cluster.ts';
import type { Spec } from '../../src/spec/spec.ts';

/** What one node believes of another, or of itself. */
interface Belief {
  id: string;
  ip: string;
  isReplica: boolean;
  primaryId: string | undefined;
  epoch: number;
  connected: boolean;
  slots: SlotRange[];
}

export interface SimulatedNode {
  readonly name: string;
  readonly id: string;
  readonly ip: string;
  readonly beliefs: Map<string, Belief>;
  keyCount: number;
}

/** Nodes that begin with the node tables of a new cluster. */
export function seededNodes(spec: Spec): SimulatedNode[] {
  return spec.nodes.map((node) => {
    const { myself, rows } = parseNodeTable(initialNodeTable(spec, node));
    const beliefs = rows.map((row): [string, Belief] => [
      row.id,
      {
        id: row.id,
        ip: row.ip,
        isReplica: row.role === 'replica',
        primaryId: row.primaryId,
        epoch: row.configEpoch,
        connected: row.id === myself.id,
        slots: [...row.slots],
      },
    ]);
    return { name: node.name, id: myself.id, ip: node.ip, beliefs: new Map(beliefs), keyCount: 0 };
  });
}

/** Nodes that were started without a node table: each a primary that is alone and owns nothing. */
export function blankNodes(spec: Spec): SimulatedNode[] {
  return spec.nodes.map(({ name, ip }, index) => {
    const id = (index + 1).toString(16).padStart(2, '0').repeat(20);
    const self: Belief = { id, ip, isReplica: false, primaryId: undefined, epoch: 0, connected: true, slots: [] };
    return { name, id, ip, beliefs: new Map([[id, self]]), keyCount: 0 };
  });
}

export function selfOf(node: SimulatedNode): Belief {
  const self = node.beliefs.get(node.id);
  if (self === undefined) throw new Error(`${node.name} forgot itself`);
  return self;
}

export function observe(node: SimulatedNode): ReachableView {
  const beliefs = [...node.beliefs.values()];
  const owned = beliefs.flatMap(({ slots }) => slots).reduce((sum, { start, end }) => sum + end - start + 1, 0);
  const text = beliefs
    .map(({ id, ip, isReplica, primaryId, epoch, connected, slots }) => {
      const flags = [id === node.id && 'myself', isReplica ? 'slave' : 'master', isPhantom(id) && 'noaddr'];
      const link = connected ? 'connected' : 'disconnected';
      const port = isPhantom(id) ? '0@0' : '6379@16379';
      return `${id} ${ip}:${port} ${flags.filter(Boolean).join(',')} ${primaryId ?? '-'} 0 0 ${epoch} ${link} ${slots.map(formatRange).join(' ')}`;
    })
    .join('\n');
  const self = selfOf(node);
  return {
    name: node.name,
    reachable: true,
    table: parseNodeTable(text),
    info: {
      state: beliefs.every(({ id, connected }) => connected || isPhantom(id)) && owned > 0 ? 'ok' : 'fail',
      slotsAssigned: owned,
      slotsOk: owned,
      knownNodes: beliefs.length,
      size: beliefs.filter(({ slots }) => slots.length > 0).length,
      currentEpoch: 0,
      ownEpoch: 0,
    },
    keyCount: node.keyCount,
    server: 'Redis 7.0.15',
    redisVersion: '7.0.15',
    usedMemoryBytes: 0,
    evictedKeys: 0,
    replicationLink: self.isReplica ? (isPhantom(self.primaryId) ? 'down' : 'up') : undefined,
    fields: new Map(),
    settings: new Map(),
  };
}

/** Does what Redis does for one cluster command, and refuses what Redis refuses. */
export function obey(action: ClusterAction, nodes: readonly SimulatedNode[]): void {
  const node = nodes.find(({ name }) => name === action.target);
  if (node === undefined) throw new Error(`there is no ${action.target}`);
  const self = selfOf(node);
  switch (action.type) {
    case 'take over': {
      const primary = node.beliefs.get(self.primaryId ?? '');
      if (!self.isReplica || primary === undefined) throw new Error('You should send CLUSTER FAILOVER to a replica');
      self.slots = primary.slots.splice(0);
      self.isReplica = false;
      self.primaryId = undefined;
      self.epoch = Math.max(...[...node.beliefs.values()].map(({ epoch }) => epoch)) + 1;
      return;
    }
    case 'forget':
      if (!node.beliefs.has(action.nodeId)) throw new Error('Unknown node');
      if (self.primaryId === action.nodeId) throw new Error("Can't forget my master!");
      node.beliefs.delete(action.nodeId);
      return;
    case 'meet': {
      const other = nodes.find(({ ip }) => ip === action.ip);
      if (other === undefined) return;
      node.beliefs.set(other.id, { ...selfOf(other), slots: [], connected: true });
      other.beliefs.set(node.id, { ...self, slots: [], connected: true });
      return;
    }
    case 'add slots': {
      const taken = [...node.beliefs.values()].some(({ slots }) =>
        slots.some(({ start }) => start === action.range.start),
      );
      if (taken) throw new Error('Slot is already busy');
      self.slots.push(action.range);
      return;
    }
    case 'replicate':
      if (self.slots.length > 0 || node.keyCount > 0) throw new Error('To set a master the node must be empty');
      if (!node.beliefs.has(action.primaryId)) throw new Error('Unknown node');
      self.isReplica = true;
      self.primaryId = action.primaryId;
      return;
  }
}

/** One round in which every node hears from every node that it knows. */
export function gossip(nodes: readonly SimulatedNode[]): void {
  const acquaintances = nodes.flatMap((hearer) =>
    nodes
      .filter((speaker) => speaker !== hearer && speaker.beliefs.has(hearer.id))
      .map((speaker) => ({ hearer, speaker })),
  );
  for (const { hearer, speaker } of acquaintances) {
    if (!hearer.beliefs.has(speaker.id)) continue;
    hear(hearer, selfOf(speaker));
    for (const other of speaker.beliefs.values()) {
      if (other.ip !== '' && !hearer.beliefs.has(other.id))
        hearer.beliefs.set(other.id, { ...other, slots: [], connected: true });
    }
  }
}

function hear(hearer: SimulatedNode, news: Belief): void {
  const self = selfOf(hearer);
  for (const belief of hearer.beliefs.values()) {
    if (belief.id === news.id || belief.slots.length === 0) continue;
    const kept = belief.slots.filter(({ start }) => !news.slots.some((claimed) => claimed.start === start));
    const lostAll = kept.length === 0 && belief.slots.length === news.slots.length;
    belief.slots = kept;
    // Whoever has lost its last slot to somebody who owns nothing else follows that somebody, and so do its replicas.
    if (!lostAll || belief.id !== (self.isReplica ? self.primaryId : self.id)) continue;
    self.isReplica = true;
    self.primaryId = news.id;
  }
  hearer.beliefs.set(news.id, { ...news, slots: [...news.slots], connected: true });
}

export function slotsOwned(nodes: readonly SimulatedNode[]): number {
  const owned = nodes.flatMap((node) => selfOf(node).slots);
  const count = owned.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  if (new Set(owned.map(({ start }) => start)).size !== owned.length) throw new Error('a slot has two owners');
  if (count > SLOT_COUNT) throw new Error('more slots than there are');
  return count;
}
