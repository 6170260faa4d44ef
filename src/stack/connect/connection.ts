import type { NatMap } from '../../redis/prove.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { entranceHost, hostAddress, type Reach } from './host-address.ts';
import { requirePassword } from './passwords.ts';
import type { Session } from '../session/session.ts';
import { trustFiles, type TrustFiles } from './trust.ts';

/** What an application needs to reach the cluster from this host. */
export interface ConnectionInfo {
  /** undefined where the plain port is closed. */
  readonly plain: Entrance | undefined;
  /** undefined where TLS is off. */
  readonly tls: (Entrance & { readonly files: TrustFiles }) | undefined;
  /** Where the password is kept: a file of this host, or Vault. */
  readonly passwordFile: string | undefined;
  readonly passwordSource: string;
  readonly password: Secret;
}

export interface Entrance {
  /** `host:port` of every node. */
  readonly nodes: readonly string[];
  /** What the nodes announce → where this host reaches them. Empty where clients are told what they can reach. */
  readonly natMap: NatMap;
}

/**
 * What the nodes announce → where this program reaches them. To clients of the TLS port a redirect may name the plain port,
 * before Redis 7.2; the other way round it never does.
 */
export function natMapOf({ spec, engine }: Pick<Session, 'spec' | 'engine'>, kind: 'plain' | 'tls'): NatMap {
  const kinds = kind === 'plain' ? (['plain'] as const) : (['plain', 'tls'] as const);
  return Object.fromEntries(
    spec.nodes.flatMap(({ name, announced, ports, bind }) =>
      (spec.access === 'names' ? [announced.ip, name] : [announced.ip]).flatMap((announcedHost) =>
        kinds.map((one) => [
          `${announcedHost}:${announced[one]}`,
          { host: hostAddress(spec, engine.endpoint, { bind }), port: ports[kind] },
        ]),
      ),
    ),
  );
}

/** @throws StackError NOT_RUNNING when the stack has never been up, so that there is no password yet. */
export async function readConnection(session: Session, reach: Reach): Promise<ConnectionInfo> {
  return { ...describeConnection(session, reach), password: await requirePassword(session) };
}

/** All of it but the password: nothing is asked or read. */
export function describeConnection(session: Session, reach: Reach): Omit<ConnectionInfo, 'password'> {
  const { spec, engine, source } = session;
  const entrance = (kind: 'plain' | 'tls'): Entrance => {
    const placeOf = (node: NodeSpec): string => {
      const { announced, ports, entrance: at } = node;
      if (reach === 'direct') return `${announced.ip}:${announced[kind]}`;
      if (reach === 'map') return `${hostAddress(spec, engine.endpoint, node)}:${ports[kind]}`;
      return `${at.host ?? entranceHost(session, node)}:${at[kind]}`;
    };
    return { nodes: spec.nodes.map(placeOf), natMap: reach === 'map' ? natMapOf(session, kind) : {} };
  };
  return {
    plain: spec.tls.plain ? entrance('plain') : undefined,
    tls: spec.tls.enabled ? { ...entrance('tls'), files: trustFiles(session) } : undefined,
    passwordFile: source.file,
    passwordSource: source.description,
  };
}

/** Those of an application's environment. Without `reveal`, of the password only where it is. */
export function connectionVariables(
  { plain, tls, passwordFile, passwordSource, password }: ConnectionInfo,
  { reveal }: { readonly reveal: boolean },
): Record<string, string> {
  return {
    ...(plain && { REDIS_CLUSTER_NODES: plain.nodes.join(','), ...mapVariable('REDIS_NAT_MAP', plain) }),
    ...(tls && {
      REDIS_TLS_CLUSTER_NODES: tls.nodes.map((node) => `rediss://${node}`).join(','),
      ...mapVariable('REDIS_TLS_NAT_MAP', tls),
      REDIS_TLS_CA_FILE: tls.files.ca,
      ...(tls.files.client && {
        REDIS_TLS_CERT_FILE: tls.files.client.certificate,
        REDIS_TLS_KEY_FILE: tls.files.client.key,
      }),
    }),
    ...passwordVariable(),
  };

  function mapVariable(name: string, { natMap }: Entrance): Record<string, string> {
    return Object.keys(natMap).length === 0 ? {} : { [name]: JSON.stringify(natMap) };
  }

  function passwordVariable(): Record<string, string> {
    if (reveal) return { REDIS_PASSWORD: password.reveal() };
    return passwordFile === undefined
      ? { REDIS_PASSWORD_SOURCE: passwordSource }
      : { REDIS_PASSWORD_FILE: passwordFile };
  }
}
