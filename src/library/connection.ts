import { isReachable, type NodeView } from '../cluster/nodes/view.ts';
import { countSlots, SLOT_COUNT } from '../cluster/slots/slots.ts';
import { StackError } from '../errors.ts';
import { poll } from '../poll.ts';
import { NodeLink } from '../redis/node-link.ts';
import { Secret } from '../secret.ts';

interface Address {
  host: string;
  port: number;
}

/** The address that a node announces → where this host reaches it. */
type NatMap = Record<string, Address>;

/** As node:tls takes them. */
interface TlsOptions {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a client needs to reach a cluster from this host. Plain data: it may go to another process. */
export interface ClusterConnection {
  readonly nodes: Address[];
  readonly password: string;
  /** The second argument of ioredis' `new Cluster(nodes, …)`. */
  readonly ioredisOptions: {
    readonly natMap: NatMap;
    readonly redisOptions: { readonly password: string; readonly tls?: TlsOptions };
  };
  /** The argument of node-redis' `createCluster(…)`. */
  readonly nodeRedisOptions: {
    readonly rootNodes: { readonly socket: Address }[];
    readonly nodeAddressMap: NatMap;
    readonly defaults: { readonly password: string; readonly socket?: { readonly tls: true } & TlsOptions };
  };
  /** For the environment of a process that is to use it: REDIS_URL, REDIS_CLUSTER_NODES, REDIS_NAT_MAP, … */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Deletes every key of a cluster, this process's or another one's. What a node that is stopped has on its disk stays.
 *
 * @throws StackError NODE_DISCONNECTED where a node with slots says nothing for some seconds
 */
export async function flush({ nodes, password, ioredisOptions }: ClusterConnection): Promise<void> {
  const { tls } = ioredisOptions.redisOptions;
  const client =
    tls?.cert === undefined || tls.key === undefined
      ? undefined
      : { certificatePem: tls.cert, privateKeyPem: new Secret(tls.key) };
  const trust = tls === undefined ? undefined : { caPem: tls.ca, client };
  const links = nodes.map(
    ({ host, port }) =>
      new NodeLink({ name: `${host}:${port}`, host, port, tls: trust }, [async () => new Secret(password)]),
  );
  try {
    const look = (): Promise<{ link: NodeLink; view: NodeView }[]> =>
      Promise.all(links.map(async (link) => ({ link, view: await link.observe() })));
    const isWhole = (seen: Awaited<ReturnType<typeof look>>): boolean =>
      isEverySlotHeld(seen.map(({ view }) => view)) || !seen.some(({ view }) => isSilent(view));
    const views = await poll(look, isWhole, {
      signal: new AbortController().signal,
      timeoutMs: SILENCE_MS,
      onTimeout: (seen) => {
        const silent = seen.filter(({ view }) => isSilent(view)).map(({ link }) => link.name);
        return new StackError('NODE_DISCONNECTED', {
          message: `${silent.join(', ')} says nothing; no key was deleted`,
          hint: 'Unpause or stop what listens there.',
        });
      },
    });
    const primaries = views.filter(({ view }) => isReachable(view) && view.table.myself.role === 'primary');
    await Promise.all(primaries.map(({ link }) => link.patient(FLUSH_TIMEOUT_MS).send('FLUSHALL')));
  } finally {
    for (const link of links) link.close();
  }
}

const FLUSH_TIMEOUT_MS = 60_000;
/** What a test runner's hook may take is ten seconds, as a rule. */
const SILENCE_MS = 6000;

function isEverySlotHeld(views: readonly NodeView[]): boolean {
  const primaries = views.filter(isReachable).filter(({ table }) => table.myself.role === 'primary');
  return primaries.reduce((sum, { table }) => sum + countSlots(table.myself.slots), 0) >= SLOT_COUNT;
}

/** One that is stopped refuses the connection, or ends it. */
function isSilent(view: NodeView): boolean {
  return !isReachable(view) && ['ETIMEDOUT', 'Command timed out'].includes(view.reason);
}

/**
 * Of the clusters that a test runner's global set-up has started, the one of this worker; with one for all, that one.
 *
 * @param clusters vitest: `inject('redisClusters')`; under jest they are in the environment
 * @throws StackError USAGE where there is none
 */
export function ofThisWorker(clusters?: readonly ClusterConnection[]): ClusterConnection {
  const { env } = process;
  // Under a jest that a test of vitest's starts, the environment has the numbers of both.
  const ofVitest = clusters === undefined ? undefined : env['VITEST_POOL_ID'];
  const number = Number(ofVitest ?? env['JEST_WORKER_ID'] ?? 1);
  const all = clusters ?? parseClusters(env[CLUSTERS_VARIABLE]);
  const own = all[(number - 1) % Math.max(all.length, 1)];
  if (own !== undefined) return own;
  throw new StackError('USAGE', {
    message: 'no global set-up has started a cluster for the tests',
    hint: "Set globalSetup to 'redis-cluster-as-code/vitest' or 'redis-cluster-as-code/jest'.",
  });
}

/** How jest's workers are told. */
export const CLUSTERS_VARIABLE = 'REDIS_CLUSTERS';

function parseClusters(text: string | undefined): ClusterConnection[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this program's own set-up has written it
  return text === undefined ? [] : (JSON.parse(text) as ClusterConnection[]);
}
