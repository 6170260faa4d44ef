import type { Secret } from '../secret.ts';
import { CONTAINER_PORTS } from '../spec/spec.ts';
import type { NatMap } from '../redis/prove.ts';
import { hostAddress } from './links.ts';
import { passwordFile, requirePassword } from './password.ts';
import type { Session } from './session.ts';

/** What an application needs to reach the cluster from this host. */
export interface ConnectionInfo {
  /** `host:port` of every node. */
  readonly nodes: readonly string[];
  readonly natMap: NatMap;
  readonly passwordFile: string;
  readonly password: Secret;
}

/** What the nodes announce → where this host reaches them. A client outside the network can't do without it. */
export function natMapOf({ spec, engine }: Pick<Session, 'spec' | 'engine'>): NatMap {
  const host = hostAddress(spec, engine.endpoint);
  return Object.fromEntries(
    spec.nodes.map(({ ip, ports }) => [`${ip}:${CONTAINER_PORTS.plain}`, { host, port: ports.plain }]),
  );
}

/** @throws StackError NOT_RUNNING when the stack has never been up, so that there is no password yet. */
export async function readConnection(session: Session): Promise<ConnectionInfo> {
  const natMap = natMapOf(session);
  return {
    nodes: Object.values(natMap).map(({ host, port }) => `${host}:${port}`),
    natMap,
    passwordFile: passwordFile(session),
    password: await requirePassword(session),
  };
}
