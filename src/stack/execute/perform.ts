import type { Action } from '../../plan/model/actions.ts';
import { readAppendonlyMark } from '../observe/data-folder.ts';
import type { Session } from '../session/session.ts';

type Place = Pick<Session, 'engine' | 'timeoutMs'>;

/**
 * How long a node has to end after SIGTERM, in seconds; then it is killed. One with an append-only file has its keys there.
 * Another one writes all of them as it ends, and a large dump takes its time: as much as the engine itself is waited for.
 */
export async function stopGraceSeconds({ engine, timeoutMs }: Place, container: string): Promise<number> {
  const isLogged = (await readAppendonlyMark(engine, container)) === true;
  return isLogged ? SHORT_GRACE_SECONDS : dumpGraceSeconds(timeoutMs);
}

const SHORT_GRACE_SECONDS = 10;

/** For a node that writes all its keys as it ends. The engine itself is waited for as long as this, and not much longer. */
export function dumpGraceSeconds(timeoutMs: number): number {
  return Math.max(SHORT_GRACE_SECONDS, Math.floor(timeoutMs / 1000) - 5);
}

/** The calls that need nothing but a name. */
export async function performOnEngine(place: Place, { type, target }: Action): Promise<void> {
  const { engine } = place;
  switch (type) {
    case 'remove network':
      return engine.removeNetwork(target);
    case 'start container':
      return engine.startContainer(target);
    case 'unpause container':
      return engine.unpauseContainer(target);
    case 'stop container':
      return engine.stopContainer(target, await stopGraceSeconds(place, target));
    case 'restart container':
      return engine.restartContainer(target, await stopGraceSeconds(place, target));
    case 'remove container':
      return engine.removeContainer(target);
    case 'remove half-made volume':
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
