import type { ReachableView } from '../../cluster/nodes/view.ts';
import { countSlots, formatRanges } from '../../cluster/slots/slots.ts';
import type { ResolvedImage } from '../../stack/observe/image.ts';
import { hostAddress } from '../../stack/connect/links.ts';
import type { Session } from '../../stack/session/session.ts';
import { painter, type Terminal } from '../core/terminal.ts';
import { formatBytes, table } from './table.ts';

export interface ClusterShown {
  readonly headline: string;
  readonly image: ResolvedImage;
  readonly views: readonly ReachableView[];
  readonly terminal: Terminal;
}

/** What is running, and the next commands to type. */
export async function showCluster(session: Session, { headline, image, views, terminal }: ClusterShown): Promise<void> {
  const { stdout, env } = terminal;
  const paint = painter(stdout, env);
  const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
  const slots = countSlots(primaries.flatMap(({ table: { myself } }) => myself.slots));
  stdout.write(
    `${paint('green', '✓')} ${paint('bold', headline)}: cluster_state:ok, ${slots} slots, ${countOf(views.length, 'node')} agree\n\n`,
  );
  const rows = views.map((view) => clusterRow(session, view, views));
  stdout.write(
    `${await table(['node', 'role', 'slots', 'keys', 'memory', 'from this host', 'in the network'], rows)}\n\n`,
  );
  stdout.write(`${imageLine(session, image, views[0]?.redisVersion)}\n${engineLine(session)}\n\n`);
  stdout.write(`Next: npx tsx manage.ts redis-cli    # a prompt in cluster mode, with the password
      npx tsx manage.ts env          # what an application needs to connect
      npx tsx manage.ts down         # stop it; the data stays\n`);
}

export function clusterRow(session: Session, view: ReachableView, views: readonly ReachableView[]): string[] {
  const { spec, engine } = session;
  const { myself } = view.table;
  const node = spec.nodes.find(({ name }) => name === view.name);
  const primary = views.find(({ table: { myself: other } }) => other.id === myself.primaryId);
  const role = myself.role === 'primary' ? 'primary' : `replica of ${primary?.name ?? myself.primaryId ?? 'nobody'}`;
  const slots = myself.slots.length === 0 ? '' : `${formatRanges(myself.slots)} (${countSlots(myself.slots)})`;
  const port = spec.tls.plain ? node?.ports.plain : node?.ports.tls;
  const host = `${hostAddress(spec, engine.endpoint)}:${port ?? ''}`;
  return [
    view.name,
    role,
    slots,
    String(view.keyCount),
    formatBytes(view.usedMemoryBytes),
    host,
    `${myself.ip}:${myself.port}`,
  ];
}

export function imageLine(
  { spec }: Session,
  image: ResolvedImage | undefined,
  redisVersion: string | undefined,
): string {
  const version = redisVersion === undefined ? '' : `, Redis ${redisVersion}`;
  if (image === undefined) return `Image ${spec.redis.image}: not on this engine`;
  if (!image.isStandIn) return `Image ${image.reference}${version}`;
  return `Image ${image.reference}${version}, built here; it stands in for ${spec.redis.image}, which is not on this engine`;
}

export function engineLine({ engine: { endpoint } }: Session): string {
  return `Engine ${endpoint.address} (${endpoint.source})`;
}

export function nodesAsJson({ spec, engine }: Session, views: readonly ReachableView[]): object[] {
  const host = hostAddress(spec, engine.endpoint);
  return views.map(({ name, table: { myself }, keyCount, usedMemoryBytes, redisVersion, info }) => ({
    name,
    id: myself.id,
    role: myself.role,
    primaryId: myself.primaryId,
    slots: myself.slots,
    clusterState: info.state,
    keyCount,
    usedMemoryBytes,
    redisVersion,
    address: `${myself.ip}:${myself.port}`,
    host,
    ports: spec.nodes.find((node) => node.name === name)?.ports,
  }));
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
