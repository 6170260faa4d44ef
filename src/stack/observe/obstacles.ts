import { listRoutes } from '../../host/routes.ts';
import { findConflicts, type Conflict } from '../../plan/engine/conflicts.ts';
import { findRouteConflict } from '../../plan/engine/route-conflict.ts';
import type { Observed } from '../../plan/model/observed.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import type { Session } from '../session/session.ts';
import { findTakenPort, isLocal } from './taken-ports.ts';

/** Whatever stands in the way, on the engine and on this machine: all that can be known before anything is made. */
export async function findObstacles(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict[]> {
  const conflicts = findConflicts(session.spec.name, wanted, observed);
  const [port, route] = await Promise.all([
    // Nobody needs to look for the process behind a port that a container holds.
    conflicts.some(({ code }) => code === 'PORT_TAKEN') ? undefined : findTakenPort(session, wanted, observed),
    findRoute(session, wanted, observed),
  ]);
  return [...conflicts, ...(route === undefined ? [] : [route]), ...(port === undefined ? [] : [port])];
}

async function findRoute(session: Session, wanted: Wanted, observed: Observed): Promise<Conflict | undefined> {
  const { engine, spec } = session;
  // Of another machine's routes this one knows nothing.
  if (!isLocal(engine.endpoint)) return undefined;
  return findRouteConflict(spec.name, wanted, observed, await listRoutes());
}
