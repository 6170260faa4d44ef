import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { countSlots, formatRanges } from '../../cluster/slots/slots.ts';
import { entranceHost, entranceOf, reachedProxy, REACH_TEXT, type Reach } from '../../stack/connect/host-address.ts';
import type { RunningProxy } from '../../plan/engine/plan-proxy.ts';
import { addressText } from '../../plan/model/host-ports.ts';
import type { ResolvedImage } from '../../stack/observe/image.ts';
import type { Session } from '../../stack/session/session.ts';
import type { Screen } from '../core/output.ts';
import type { NodeJson, ProxyJson } from './json.ts';
import { bytesText, countText } from '../../units.ts';

/** What a table says of a node that answers. */
export type Column = readonly [title: string, cell: (view: ReachableView, all: readonly ReachableView[]) => string];

export const COLUMN = {
  role: [
    'role',
    ({ table: { myself } }, all) => {
      if (myself.role === 'primary') return 'primary';
      const primary = all.find(({ table: { myself: other } }) => other.id === myself.primaryId);
      return `replica of ${primary?.name ?? myself.primaryId ?? 'nobody'}`;
    },
  ],
  slotCount: ['slots', ({ table: { myself } }) => String(countSlots(myself.slots))],
  slotRanges: [
    'slots',
    ({ table: { myself } }) =>
      myself.slots.length === 0 ? '' : `${formatRanges(myself.slots)} (${countSlots(myself.slots)})`,
  ],
  replicas: ['replicas', ({ table: { myself } }, all) => replicasOf(myself.id, all).join(' ')],
  keys: ['keys', ({ keyCount }) => String(keyCount)],
  memory: ['memory', ({ usedMemoryBytes }) => bytesText(usedMemoryBytes)],
  links: [
    'links',
    ({ table: { myself, rows } }) => {
      const links = rows.filter(({ id }) => id !== myself.id);
      return `${links.filter(({ connected }) => connected).length}/${links.length}`;
    },
  ],
  epoch: ['epoch', ({ table: { myself } }) => String(myself.configEpoch)],
  address: ['address', ({ table: { myself } }) => `${myself.ip}:${myself.port}@${myself.busPort}`],
  id: ['id', ({ table: { myself } }) => myself.id],
} as const satisfies Record<string, Column>;

/** Those of `up` and `status`. */
export function placeColumns(session: Session): readonly Column[] {
  const hostCell = ({ name }: ReachableView): string => {
    const node = session.spec.nodes.find((one) => one.name === name);
    const { host, port } = node === undefined ? { host: '', port: '' } : entranceOf(session, node);
    return `${host}:${port}`;
  };
  return [
    COLUMN.role,
    COLUMN.slotRanges,
    COLUMN.keys,
    COLUMN.memory,
    ['from this host', hostCell],
    ['in the network', ({ table: { myself } }) => `${myself.ip}:${myself.port}`],
  ];
}

/** A line a node; of one that doesn't answer, why. */
export async function showNodes(screen: Screen, views: readonly NodeView[], columns: readonly Column[]): Promise<void> {
  const all = views.filter(isReachable);
  const rows = views.map((view) => [
    view.name,
    ...(isReachable(view) ? columns.map(([, cell]) => cell(view, all)) : [view.reason]),
  ]);
  await screen.table(['node', ...columns.map(([title]) => title)], rows);
}

export function replicasOf(id: string, views: readonly ReachableView[]): string[] {
  return views.filter(({ table: { myself } }) => myself.primaryId === id).map(({ name }) => name);
}

/** `16,384 slots` */
export function slotsOwned(views: readonly ReachableView[]): string {
  return countText(countSlots(views.flatMap(({ table: { myself } }) => myself.slots)), 'slot');
}

export function imageLine({ spec }: Session, image: ResolvedImage | undefined, server: string | undefined): string {
  const version = server === undefined ? '' : `, ${server}`;
  if (image === undefined) return `Image ${spec.redis.image}: not on this engine`;
  if (!image.isStandIn) return `Image ${image.reference}${version}`;
  return `Image ${image.reference}${version}, built here; it stands in for ${spec.redis.image}, which is not on this engine`;
}

export function engineLine({ engine: { endpoint } }: Session): string {
  return `Engine ${endpoint.address} (${endpoint.source})`;
}

export function reachLine(reach: Reach): string {
  return `Reach: ${REACH_TEXT[reach]}`;
}

/** `Proxy 127.0.0.1:6379-6381, process 4711, 12 connections` */
export function proxyLine({ engine }: Session, { info, addresses }: RunningProxy): string {
  const shown = addressText(reachedProxy(addresses, engine.endpoint));
  return `Proxy ${shown}, process ${info.pid}, ${countText(info.connections, 'connection')}`;
}

export function proxyAsJson({ engine }: Session, { info, addresses }: RunningProxy): ProxyJson {
  const { pid, version, connections, uptimeSeconds } = info;
  const shown = reachedProxy(addresses, engine.endpoint).map(
    ({ hostAddress, hostPort }) => `${hostAddress}:${hostPort}`,
  );
  return { addresses: shown, pid, version, connections, uptimeSeconds };
}

export function nodesAsJson({ spec, engine }: Session, views: readonly ReachableView[]): NodeJson[] {
  const placeOf = (name: string): Pick<NodeJson, 'host' | 'ports'> => {
    const node = spec.nodes.find((one) => one.name === name);
    if (node === undefined) return { host: spec.redis.bind };
    const { host, plain, tls } = node.entrance;
    return { host: host ?? entranceHost({ spec, engine }, node), ports: { ...node.ports, plain, tls } };
  };
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
    ...placeOf(name),
  }));
}
