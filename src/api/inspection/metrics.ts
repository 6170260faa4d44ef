import { Counter, Gauge, Registry } from 'prom-client';
import { isReachable } from '../../cluster/nodes/view.ts';
import type { Observation } from '../../stack/commands/watch/observer.ts';
import { clusterInfo } from './answers.ts';
import { describeLive } from './describe-live.ts';
import type { LiveNode } from './live-state.ts';

/**
 * In the text format of Prometheus. A registry of its own for each time: a node that went away leaves nothing behind.
 *
 * @param observation undefined where nobody could be asked
 */
export async function renderMetrics(stack: string, observation: Observation | undefined): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ stack });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers: [registry] });
  const isAnswering = observation?.nodes.some(({ view }) => view.reachable) ?? false;
  gauge('redis_cluster_up', 'Whether any node answers').set(isAnswering ? 1 : 0);
  if (observation === undefined) return registry.metrics();

  gauge('redis_cluster_scrape_duration_seconds', 'How long it took to ask the engine and every node').set(
    observation.tookMs / 1000,
  );
  gauge('redis_cluster_findings', 'Findings of cluster check that do not pass by themselves').set(
    observation.findings.length,
  );
  const live = describeLive(observation);
  if (isAnswering) addCluster(gauge, observation, live.moves);
  addNodes(registry, observation, live.nodes);
  addHosts(registry, observation);
  return registry.metrics();
}

type MakeGauge = (name: string, help: string) => Gauge;

function addCluster(gauge: MakeGauge, observation: Observation, moves: readonly { readonly count: number }[]): void {
  const info = clusterInfo(observation);
  gauge('redis_cluster_state', 'Whether every node that answers says cluster_state:ok').set(
    info.cluster_state === 'ok' ? 1 : 0,
  );
  gauge('redis_cluster_slots_assigned', 'Slots that have an owner').set(info.cluster_slots_assigned);
  gauge('redis_cluster_slots_ok', 'Slots whose owner is flagged neither fail nor fail?').set(info.cluster_slots_ok);
  gauge('redis_cluster_slots_moving', 'Slots on the move').set(moves.reduce((sum, { count }) => sum + count, 0));
  gauge('redis_cluster_known_nodes', 'Nodes that the cluster knows').set(info.cluster_known_nodes);
  gauge('redis_cluster_size', 'Primaries that own slots').set(info.cluster_size);
}

function addHosts(registry: Registry, { session: { spec }, away }: Observation): void {
  if (spec.hosts.length === 0) return;
  const help = 'Whether the engine of the host answers; while it does not, nothing is known of its nodes';
  const up = new Gauge({ name: 'redis_cluster_host_up', help, labelNames: ['host'], registers: [registry] });
  for (const { name } of spec.hosts) up.set({ host: name }, away.has(name) ? 0 : 1);
}

function addNodes(registry: Registry, { nodes }: Observation, live: readonly LiveNode[]): void {
  // A failover must not end one series and begin another: what may change stands beside them.
  const info = new Gauge({
    name: 'redis_cluster_node_info',
    help: 'Always 1; the role is empty while it is unknown',
    labelNames: ['node', 'address', 'role', 'redis_version', 'host'],
    registers: [registry],
  });
  for (const { name, address, role = '', figures, host } of live) {
    const place = host === undefined ? {} : { host };
    info.set({ node: name, address, role, redis_version: figures?.redisVersion ?? '', ...place }, 1);
  }
  const labelNames = ['node'] as const;
  const eachNode = (name: string, help: string, valueOf: (node: LiveNode) => number | undefined): void => {
    const gauge = new Gauge({ name: `redis_cluster_node_${name}`, help, labelNames, registers: [registry] });
    for (const node of live) {
      const value = valueOf(node);
      if (value !== undefined) gauge.set({ node: node.name }, value);
    }
  };
  eachNode('up', 'Whether the node answers', ({ figures }) => (figures === undefined ? 0 : 1));
  eachNode('slots', 'Slots that the node owns', ({ slotCount }) => slotCount);
  eachNode('memory_used_bytes', 'used_memory', ({ figures }) => figures?.memoryBytes);
  eachNode('memory_max_bytes', 'maxmemory; 0 means no limit', ({ figures }) => figures?.maxMemoryBytes);
  eachNode('keys', 'Keys in database 0', ({ figures }) => figures?.keys);
  eachNode('operations_per_second', 'instantaneous_ops_per_sec', ({ figures }) => figures?.opsPerSecond);
  eachNode('connected_clients', 'connected_clients, this service among them', ({ figures }) => figures?.clients);
  eachNode('uptime_seconds', 'uptime_in_seconds', ({ figures }) => figures?.uptimeSeconds);
  eachNode('bus_links_up', 'Links of the cluster bus that are up', ({ figures }) => figures?.busLinks.up);
  eachNode('bus_links', 'Other nodes that the node knows', ({ figures }) => figures?.busLinks.all);
  eachNode('replication_link_up', 'Whether a replica follows its primary', ({ figures }) =>
    figures?.replicationLink === undefined ? undefined : Number(figures.replicationLink === 'up'),
  );
  const commands = new Counter({
    name: 'redis_cluster_node_commands_processed_total',
    help: 'total_commands_processed; restarts at 0 with the node',
    labelNames,
    registers: [registry],
  });
  for (const { view } of nodes) {
    if (!isReachable(view)) continue;
    commands.inc({ node: view.name }, Number(view.fields.get('total_commands_processed') ?? 0));
  }
}
