/**
 * What a command means for the replies: which of them has addresses in it, and what changes how replies come. All others are
 * `plain`: one reply each, of which nothing is touched.
 *
 * Left out on purpose. HELLO names no address on any server (its reply only says which protocol follows). No cluster client
 * follows an address in INFO replication, ROLE or CLIENT LIST: they are a person's, who wants to see what the node sees.
 * CLUSTER LINKS has ids and no addresses.
 */
export type Kind =
  | 'plain'
  | Addressed
  | 'multi'
  | 'exec'
  | 'discard'
  | 'hello'
  | 'reset'
  | 'monitor'
  | 'subscription'
  | 'sync'
  | 'replies on'
  | 'replies off'
  | 'reply skip';

/** Commands whose replies name nodes. */
export type Addressed = 'slots' | 'shards' | 'nodes' | 'replicas';

const BY_NAME: Readonly<Record<string, Kind>> = {
  MULTI: 'multi',
  EXEC: 'exec',
  DISCARD: 'discard',
  HELLO: 'hello',
  RESET: 'reset',
  MONITOR: 'monitor',
  SUBSCRIBE: 'subscription',
  UNSUBSCRIBE: 'subscription',
  PSUBSCRIBE: 'subscription',
  PUNSUBSCRIBE: 'subscription',
  SSUBSCRIBE: 'subscription',
  SUNSUBSCRIBE: 'subscription',
  SYNC: 'sync',
  PSYNC: 'sync',
};

const BELOW_CLUSTER: Readonly<Record<string, Addressed>> = {
  SLOTS: 'slots',
  SHARDS: 'shards',
  NODES: 'nodes',
  REPLICAS: 'replicas',
  SLAVES: 'replicas',
};

const BELOW_CLIENT_REPLY: Readonly<Record<string, Kind>> = {
  ON: 'replies on',
  OFF: 'replies off',
  SKIP: 'reply skip',
};

/** How many words of a command say what it is. */
export const TELLING_WORDS = 3;

/** @param words the first ones of a command, in capitals @param length how many it has in all */
export function kindOf([name = '', below = '', last = '']: readonly string[], length: number): Kind {
  if (name === 'CLUSTER') return BELOW_CLUSTER[below] ?? 'plain';
  if (name === 'CLIENT') return (below === 'REPLY' && length === 3 && BELOW_CLIENT_REPLY[last]) || 'plain';
  return BY_NAME[name] ?? 'plain';
}

/** Whether the words behind the name can matter. */
export function isTelling(name: string): boolean {
  return name === 'CLUSTER' || name === 'CLIENT' || name in BY_NAME;
}
