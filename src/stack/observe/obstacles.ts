import type { Observed, Wanted } from '../../plan/model/observed.ts';
import { isLocal } from '../connect/host-address.ts';
import type { Session } from '../session/session.ts';
import { createServer } from 'node:net';
import { findConflicts, portConflict, type Conflict } from '../../plan/engine/conflicts.ts';
import { findPortHolder } from '../../host/port-holder.ts';
import { findRouteConflict } from '../../plan/engine/route-conflict.ts';
import { isOwn } from '../../plan/model/names.ts';
import { isSamePort } from '../../plan/model/definitions.ts';
import { listRoutes } from '../../host/routes.ts';
import { systemErrorCode } from '../../errors.ts';

/** What stands in the way on this machine: a port that a process holds, a route that leads elsewhere. */
export async function findObstacles(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict[]> {
  const conflicts = findConflicts(session.spec.name, wanted, observed);
  const [port, route] = await Promise.all([
    // Nobody needs to look for the process behind a port that a container holds.
    conflicts.some(({ code }) => code === 'PORT_TAKEN') ? undefined : findTakenPort(session, wanted, observed),
    findRoute(session, wanted, observed),
  ]);
  return [...(route === undefined ? [] : [route]), ...(port === undefined ? [] : [port])];
}

async function findRoute(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict | undefined> {
  const { engine, spec } = session;
  // Of another machine's routes this one knows nothing.
  if (!isLocal(engine.endpoint)) return undefined;
  return findRouteConflict(spec.name, wanted, observed, await listRoutes());
}

/**
 * The first host port that a process of this machine holds, found by trying to listen on it. Only for containers that
 * don't run: those that do hold their ports themselves.
 */
async function findTakenPort(
  { engine, spec }: Session,
  wanted: Wanted,
  observed: Observed,
): Promise<Conflict | undefined> {
  if (!isLocal(engine.endpoint)) return undefined;
  const isHeld = (state: string): boolean => state === 'running' || state === 'restarting' || state === 'paused';
  const running = observed.containers.filter(({ state }) => isHeld(state));
  const idle = [...wanted.containers.values()].filter(
    ({ name }) => !running.some((container) => container.name === name),
  );
  // What another container of this stack holds, the plan takes from it first.
  const own = running.filter(isOwn(spec.name)).flatMap(({ ports }) => ports);
  const ports = idle
    .flatMap((definition) => definition.ports.map((port) => ({ definition, port })))
    .filter(({ port }) => !own.some((held) => isSamePort(held, port)));
  const taken = await Promise.all(
    ports.map(async (one) => ((await isTaken(one.port.hostAddress, one.port.hostPort)) ? [one] : [])),
  );
  const [first] = taken.flat();
  if (first === undefined) return undefined;
  const holder = await findPortHolder(first.port.hostPort, first.port.hostAddress);
  const unseen = 'a process that this user may not look into';
  const conflict = portConflict(first.definition, first.port, holder ?? unseen);
  // The engine's own proxy, and no running container shows the port: one is just about to start, or to be gone.
  const isEngine = holder !== undefined && ENGINE_PROXIES.test(holder);
  const restart = 'Restart the engine: it was killed before it could free the port, and frees it then.';
  return { ...conflict, ...(isEngine ? { hint: restart } : {}), isPassing: holder === undefined || isEngine };
}

const ENGINE_PROXIES = /^(docker-proxy|dockerd|com\.docker|rootless|limactl|ssh |OrbStack|gvproxy|pasta|slirp4netns)/;

/** Whether a process of this machine listens there, found by trying to. */
export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Any other refusal (a privileged port, an address of a VM) says nothing of what the engine can do.
    server.once('error', (error) => resolve(systemErrorCode(error) === 'EADDRINUSE'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}
