import type { ConnectionInfo } from '../../stack/connect/connection.ts';
import type { TrustFiles } from '../../stack/connect/trust.ts';

/** The password itself is no part of it: a snippet reads its file, or the environment. */
export type SnippetConnection = Omit<ConnectionInfo, 'password'>;

/** What every snippet is made of. */
export interface Reach {
  /** Where this host finds the nodes. */
  readonly nodes: readonly Place[];
  /** What the nodes announce, and where this host finds it. Empty where it finds them by what they announce. */
  readonly map: readonly { readonly announced: Place; readonly found: Place }[];
  readonly tls: TrustFiles | undefined;
  /** undefined where the password is in REDIS_PASSWORD. */
  readonly passwordFile: string | undefined;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Library {
  readonly language: string;
  readonly note: (reach: Reach) => string;
  readonly code: (reach: Reach) => string;
}

export function reachOf({ plain, tls, passwordFile }: SnippetConnection): Reach {
  const entrance = plain ?? tls;
  if (entrance === undefined) throw new Error('a stack without a plain port and without TLS');
  const map = Object.entries(entrance.natMap).map(([address, found]) => ({ announced: placeOf(address), found }));
  return {
    nodes: entrance.nodes.map(placeOf),
    map,
    tls: plain === undefined ? tls?.files : undefined,
    passwordFile,
  };
}

/** Where the nodes announce what this host can't reach. */
export function isMapped({ map }: Reach): boolean {
  return map.length > 0;
}

export function addressOf({ host, port }: Place): string {
  return `${host}:${port}`;
}

function placeOf(address: string): Place {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
