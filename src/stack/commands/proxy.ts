import { unwatchFile, watchFile } from 'node:fs';
import { errorMessage, StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { accountName } from '../../host/owner.ts';
import { labelledEntrances, proxyAddresses, proxyDefinition } from '../../plan/model/host-ports.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { ProxyInfo } from '../../plan/model/observed.ts';
import { CERTIFICATE_FILE } from '../../plan/node/redis-config.ts';
import { poll } from '../../poll.ts';
import type { ProxiedNode } from '../../proxy/nodes.ts';
import { startProxy, type Proxy } from '../../proxy/proxy.ts';
import type { ProxyTls } from '../../proxy/tls.ts';
import { openPorts } from '../../spec/ports.ts';
import { version } from '../../version.ts';
import { hostAddress, proxyHost } from '../connect/host-address.ts';
import { readTrust, trustFiles } from '../connect/trust.ts';
import { notRunning, type Session } from '../session/session.ts';

/** Where clients come in to each node, and where the engine publishes it; at consecutive ports from `firstPort`, where that is given. */
export function proxiedNodes({ spec, engine }: Session, firstPort?: number): ProxiedNode[] {
  const kinds = openPorts(spec).filter((kind) => kind !== 'bus');
  const own = proxyHost(spec.redis.bind, engine.endpoint);
  return spec.nodes.map((node, index) => {
    const { name, announced, ports, entrance } = node;
    const listenAt = (kind: 'plain' | 'tls'): number =>
      firstPort === undefined ? entrance[kind] : firstPort + kinds.indexOf(kind) * spec.nodes.length + index;
    return {
      name,
      announced,
      listen: { host: own, ...Object.fromEntries(kinds.map((kind) => [kind, listenAt(kind)])) },
      upstream: {
        host: hostAddress(spec, engine.endpoint, node),
        ...Object.fromEntries(kinds.map((kind) => [kind, ports[kind]])),
      },
    };
  });
}

interface Serving {
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
}

/**
 * Serves the nodes until `signal` is aborted.
 *
 * @param nodes where
 * @throws StackError NOT_RUNNING, PORT_TAKEN, USAGE
 */
export async function serveProxy(
  session: Session,
  nodes: readonly ProxiedNode[],
  { signal, report, onListening }: Serving & { readonly onListening: () => void },
): Promise<void> {
  const { spec, engine } = session;
  if (!(await engine.listContainers()).some((one) => isOwn(spec.name)(one) && one.state === 'running'))
    throw notRunning(containerName(spec.name, spec.nodes[0]?.name ?? ''));
  const proxy = await begin(session, nodes, () => ({ ...infoOf(session), file: '' }), report);
  onListening();
  await untilAborted(signal);
  await proxy.close();
}

/**
 * The process that `up` starts, with nobody in front of it. It reads the YAML file again on SIGHUP; and it ends by itself
 * when no container is left of those that it leads to, so that nothing stays behind when these were removed by hand.
 *
 * @param open the stack, as the YAML file is by then
 */
export async function serveDetached(
  open: () => Promise<Session>,
  { signal, report }: Serving,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<void> {
  let session = await open();
  let reloads = 0;
  let trouble = '';
  const info = (): ProxyInfo => ({ ...infoOf(session), reloads, trouble });
  let proxy: Proxy | undefined;
  let watched: readonly string[] = [];
  let isServing = true;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  let work = Promise.resolve();
  const reload = async (isTold: boolean): Promise<void> => {
    try {
      const next = isTold ? await open() : session;
      if (next.spec.access !== 'proxy') throw new Error(`${next.path} says access: ${next.spec.access}`);
      watch(filesOf(next));
      if (isTold && lastingText(next) === lastingText(session)) await proxy?.reload(proxiedNodes(next));
      else {
        // Whom it trusts is part of every connection.
        await proxy?.close();
        isServing = false;
        proxy = await begin(next, proxiedNodes(next), info, report);
        isServing = true;
      }
      session = next;
      trouble = '';
    } catch (error) {
      trouble = errorMessage(error);
      report(trouble);
      // Nobody finds one that listens nowhere.
      if (!isServing) fail(error);
    }
    if (isTold) reloads += 1;
  };
  const onHangup = (): void => void (work = work.then(() => reload(true)));
  const onOtherTrust = (): void => void (work = work.then(() => reload(false)));
  const watch = (files: readonly string[]): void => {
    for (const file of watched) if (!files.includes(file)) unwatchFile(file, onOtherTrust);
    for (const file of files) if (!watched.includes(file)) watchFile(file, { interval: TRUST_EVERY_MS }, onOtherTrust);
    watched = files;
  };
  process.on('SIGHUP', onHangup);
  // Before they are read, and without a pause: what is written meanwhile is news.
  watch(filesOf(session));
  try {
    work = begin(session, proxiedNodes(session), info, report).then((begun) => void (proxy = begun));
    await work;
    await Promise.race([untilAborted(signal), untilForsaken(() => session, { signal, lookEveryMs }), failed]);
  } finally {
    process.off('SIGHUP', onHangup);
    watch([]);
    await work.catch(() => undefined);
    await proxy?.close();
  }
}

/** One call of the engine in this time is nothing to it, and a minute or two of an unused port nothing to anybody. */
const LOOK_EVERY_MS = 60_000;
/** Another authority is a matter of years, or of files that were lost. */
const TRUST_EVERY_MS = 2000;

/** Twice in a row no container names any of its addresses: `up` may just be recreating them. */
async function untilForsaken(
  current: () => Session,
  { signal, lookEveryMs }: { readonly signal: AbortSignal; readonly lookEveryMs: number },
): Promise<void> {
  let misses = 0;
  const look = async (): Promise<number> => {
    const { spec, engine } = current();
    const own = new Set(proxyAddresses(spec).map(({ hostPort }) => hostPort));
    // An engine that doesn't answer says nothing of its containers.
    const containers = await engine.listContainers().catch(() => undefined);
    const isNamed = labelledEntrances(containers?.filter(isOwn(spec.name)) ?? []).some(({ hostPort }) =>
      own.has(hostPort),
    );
    // Nor does a host of several, of its own.
    misses = containers === undefined || isNamed || engine.away().size > 0 ? 0 : misses + 1;
    return misses;
  };
  await poll(look, (count) => count > 1, { signal, timeoutMs: Infinity, pace: { min: lookEveryMs } });
}

async function begin(
  session: Session,
  nodes: readonly ProxiedNode[],
  info: () => object,
  report: (text: string) => void,
): Promise<Proxy> {
  return startProxy({ nodes, tls: session.spec.tls.enabled ? await tlsOf(session) : undefined, info, report });
}

async function tlsOf(session: Session): Promise<ProxyTls> {
  const { engine, spec } = session;
  return {
    trust: await readTrust(session),
    clientAuth: spec.tls.clientAuth,
    certificateOf: async ({ name }) => {
      const container = containerName(spec.name, name);
      const pem = await engine.readFile(container, CERTIFICATE_FILE);
      if (pem !== undefined) return pem;
      throw new StackError('CERTIFICATE_INVALID', { message: `${container} has no certificate`, hint: run('up') });
    },
  };
}

/** What can't be changed of a proxy that serves. */
function lastingText({ spec: { redis, tls } }: Session): string {
  return JSON.stringify([redis.bind, tls.enabled, tls.clientAuth, tls.issuer]);
}

function filesOf(session: Session): string[] {
  if (!session.spec.tls.enabled) return [];
  const { ca, client } = trustFiles(session);
  return [ca, ...(client === undefined ? [] : [client.certificate])];
}

const startedAt = Date.now();

/** Connections are counted by the proxy itself. */
function infoOf({ spec, path }: Session): ProxyInfo {
  const definition = proxyDefinition(spec, { version: version(), file: path });
  return {
    stack: spec.name,
    pid: process.pid,
    version: version(),
    digest: definition?.digest ?? '',
    user: accountName(),
    file: path,
    reloads: 0,
    trouble: '',
    connections: 0,
    uptimeSeconds: Math.floor((Date.now() - startedAt) / 1000),
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
