import { tlsOptions } from '../redis/connect-node.ts';
import { connectionVariables, type ConnectionInfo } from '../stack/connect/connection.ts';
import { readTrust } from '../stack/connect/trust.ts';
import type { Session } from '../stack/session/session.ts';
import type { ClusterConnection } from './connection.ts';

/** Over TLS where that is on. */
export async function connectionOf(session: Session, info: ConnectionInfo): Promise<ClusterConnection> {
  const tls = info.tls === undefined ? undefined : tlsOptions(await readTrust(session));
  const { nodes: texts, natMap } = entranceOf(info);
  const nodes = texts.map(placeOf);
  const password = info.password.reveal();
  return {
    nodes,
    password,
    ioredisOptions: { natMap, redisOptions: { password, ...(tls && { tls }) } },
    nodeRedisOptions: {
      rootNodes: nodes.map((socket) => ({ socket })),
      nodeAddressMap: natMap,
      defaults: { password, ...(tls && { socket: { tls: true as const, ...tls } }) },
    },
    env: variablesOf(info),
  };
}

/** As environment variables. Clients that take one address, and no file, take it with the password. */
export function variablesOf(info: ConnectionInfo): Record<string, string> {
  const { nodes } = entranceOf(info);
  const scheme = info.tls === undefined ? 'redis' : 'rediss';
  const url = `${scheme}://default:${encodeURIComponent(info.password.reveal())}@${nodes[0] ?? ''}`;
  return { ...connectionVariables(info, { reveal: false }), REDIS_URL: url };
}

function entranceOf({ plain, tls }: ConnectionInfo): NonNullable<ConnectionInfo['plain']> {
  return tls ?? plain ?? { nodes: [], natMap: {} };
}

function placeOf(address: string): ClusterConnection['nodes'][number] {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
