import type { Engine } from '../engine/engine.ts';
import type { Action } from '../plan/actions.ts';

/** Redis saves what it has to save on SIGTERM; after this it is killed. */
export const STOP_GRACE_SECONDS = 10;

/** The calls that need nothing but a name. */
export async function performOnEngine(engine: Engine, { type, target }: Action): Promise<void> {
  switch (type) {
    case 'remove network':
      return engine.removeNetwork(target);
    case 'start container':
      return engine.startContainer(target);
    case 'unpause container':
      return engine.unpauseContainer(target);
    case 'stop container':
      return engine.stopContainer(target, STOP_GRACE_SECONDS);
    case 'restart container':
      return engine.restartContainer(target, STOP_GRACE_SECONDS);
    case 'remove container':
      return engine.removeContainer(target);
    case 'remove volume':
      return engine.removeVolume(target);
    case 'create network':
    case 'update container':
    case 'disconnect container':
    case 'connect container':
    case 'create container':
    case 'configure container':
    case 'configure and seed container':
      throw new Error(`${type} needs a definition`);
  }
}
