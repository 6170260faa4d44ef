import type { Observed, Wanted } from '../../plan/model/observed.ts';
import type { Session } from '../session/session.ts';
import { connect, createServer } from 'node:net';
import { findConflicts, portConflict, PROXY_NAME, type Conflict, type PortOwner } from '../../plan/engine/conflicts.ts';
import {
  findAbsence,
  findMemoryConflicts,
  findOtherNetwork,
  findSwarmConflicts,
} from '../../plan/engine/host-conflicts.ts';
import { findTwins } from '../../plan/engine/places.ts';
import { findPortHolder, UNSEEN_HOLDER } from '../../host/port-holder.ts';
import { proxiesOf } from '../../plan/engine/plan-proxy.ts';
import { findRouteConflict } from '../../plan/engine/route-conflict.ts';
import type { HostPort } from '../../plan/model/resources.ts';
import { isLocal } from '../connect/host-address.ts';
import { isOwn } from '../../plan/model/names.ts';
import { isSamePort } from '../../plan/model/host-ports.ts';
import { listRoutes } from '../../host/routes.ts';
import { systemErrorCode } from '../../errors.ts';

/** What stands in the way on this machine, a port that a process holds, a route that leads elsewhere; and of several hosts. */
export async function findObstacles(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict[]> {
  const conflicts = findConflicts(session.spec.name, wanted, observed);
  const [port, route] = await Promise.all([
    // Nobody needs to look for the process behind a port that a container holds.
    conflicts.some(({ code }) => code === 'PORT_TAKEN') ? undefined : findTakenPort(session, wanted, observed),
    findRoute(session, wanted, observed),
  ]);
  const { engine, spec } = session;
  const swarms = await engine.swarms();
  return [
    ...findAbsence(spec, observed),
    ...findTwins(spec, observed),
    ...findOtherNetwork(spec, observed),
    ...(spec.network.driver === 'overlay' ? findSwarmConflicts(spec, swarms) : []),
    ...findMemoryConflicts(spec, swarms, observed),
    ...(route === undefined ? [] : [route]),
    ...(port === undefined ? [] : [port]),
  ];
}

async function findRoute(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict | undefined> {
  const { engine, spec } = session;
  // Of another machine's routes this one knows nothing.
  if (!isLocal(engine.endpoint)) return undefined;
  return findRouteConflict(spec.name, wanted, observed, await listRoutes());
}

interface TakenPort extends HostPort {
  /** Who is to have it. */
  readonly owner: PortOwner;
  /** Who has it, where that has been said. */
  readonly holder?: string;
}

/** The first host port that a process of this machine holds, though a container or the proxy is to have it. */
async function findTakenPort(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict | undefined> {
  const isHeld = (state: string): boolean => state === 'running' || state === 'restarting' || state === 'paused';
  const running = observed.containers.filter(({ state }) => isHeld(state));
  const proxies = proxiesOf(session.spec.name, observed.entrances);
  // What another container of this stack holds, or its proxy, the plan takes from it first.
  const own = [
    ...running.filter(isOwn(session.spec.name)).flatMap(({ ports }) => ports),
    ...proxies.flatMap(({ addresses }) => addresses),
  ];
  const isForeign = (port: HostPort): boolean => !own.some((held) => isSamePort(held, port));
  const taken = [
    ...(await takenFromContainers(session, wanted, { ...observed, containers: running }, isForeign)),
    ...takenFromProxy(wanted, observed, isForeign),
  ];
  const [first] = taken;
  if (first === undefined) return undefined;
  const holder = first.holder ?? (await findPortHolder(first.hostPort, first.hostAddress));
  const conflict = portConflict(first.owner, first, holder ?? UNSEEN_HOLDER);
  // The engine's own proxy, and no running container shows the port: one is just about to start, or to be gone.
  const isEngine = holder !== undefined && ENGINE_PROXIES.test(holder);
  const restart = 'Restart the engine: it was killed before it could free the port, and frees it then.';
  return {
    ...conflict,
    ...(isEngine ? { hint: restart } : {}),
    isPassing: holder === undefined || isEngine || session.spec.hosts.length > 0,
  };
}

/**
 * Found by trying to listen; on several hosts, whose addresses are others', by whether somebody there does. Only for containers
 * that don't run: those that do hold their ports themselves.
 */
async function takenFromContainers(
  { engine, spec }: Session,
  { containers }: Wanted,
  { containers: running, away }: Pick<Observed, 'containers' | 'away'>,
  isForeign: (port: HostPort) => boolean,
): Promise<TakenPort[]> {
  const areOnHosts = spec.hosts.length > 0;
  if (!isLocal(engine.endpoint) && !areOnHosts) return [];
  const idle = [...containers.values()].filter(
    ({ name, host = '' }) => !away.has(host) && !running.some((container) => container.name === name),
  );
  const ports = idle.flatMap((owner) => owner.ports.map((port) => ({ owner, host: owner.host ?? '', ...port })));
  const taken = await Promise.all(
    ports.filter(isForeign).map(async (port) => {
      const { hostAddress, hostPort, host } = port;
      if (areOnHosts)
        return (await isListening(hostAddress, hostPort)) ? [{ ...port, holder: `a process on host ${host}` }] : [];
      return (await isTaken(hostAddress, hostPort)) ? [port] : [];
    }),
  );
  return taken.flat();
}

/** Found by asking who listens. */
function takenFromProxy(
  { proxy }: Wanted,
  { entrances }: Observed,
  isForeign: (port: HostPort) => boolean,
): TakenPort[] {
  return entrances
    .filter((seen) => seen.holder !== 'nobody' && isForeign(seen))
    .filter((seen) => proxy?.addresses.some((one) => isSamePort(one, seen)) === true)
    .map(({ hostAddress, hostPort, holder }) => ({
      owner: { name: PROXY_NAME },
      hostAddress,
      hostPort,
      ...(typeof holder === 'object' && { holder: `the proxy of the stack ${holder.stack} (process ${holder.pid})` }),
    }));
}

const ENGINE_PROXIES = /^(docker-proxy|dockerd|com\.docker|rootless|limactl|ssh |OrbStack|gvproxy|pasta|slirp4netns)/;

/** Whether somebody listens at another machine, as far as that tells. */
function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LISTENING_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    // What has come while this process was kept from working is read first.
    socket.once('timeout', () => setImmediate(() => end(!socket.connecting)));
  });
}

/** Whoever is asked for longer is behind a firewall. */
const LISTENING_MS = 500;

/** Whether a process of this machine listens there, found by trying to. */
export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Any other refusal (a privileged port, an address of a VM) says nothing of what the engine can do.
    server.once('error', (error) => resolve(systemErrorCode(error) === 'EADDRINUSE'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}
