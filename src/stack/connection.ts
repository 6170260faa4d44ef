import type { NatMap } from '../redis/prove.ts';
import { CONTAINER_PORTS } from '../spec/spec.ts';
import { hostAddress } from './links.ts';
import type { Session } from './session.ts';

/** What the nodes announce → where this host reaches them. A client outside the network can't do without it. */
export function natMapOf({ spec, engine }: Pick<Session, 'spec' | 'engine'>): NatMap {
  const host = hostAddress(spec, engine.endpoint);
  return Object.fromEntries(
    spec.nodes.map(({ ip, ports }) => [`${ip}:${CONTAINER_PORTS.plain}`, { host, port: ports.plain }]),
  );
}
