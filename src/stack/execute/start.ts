import { StackError } from '../../errors.ts';
import type { Session } from '../session/session.ts';

/**
 * Starts a node's container. One that the engine can't start any more, because it was killed in the middle of a start, is
 * removed, so that the next round makes it anew: nothing but a restart of the machine would free it. Its volume stays.
 *
 * The process that the engine has lost may still be there, though nobody reaches it: its ports and its address went with the
 * engine. Without a client it writes nothing but dump.rdb, when it ends. So where that is the file that counts, the container
 * is left alone.
 *
 * @throws StackError CHANGED_MEANWHILE when it was removed, CONTAINER_STUCK when it was left
 */
export async function startOrRemove({ engine, spec }: Session, name: string): Promise<void> {
  try {
    await engine.startContainer(name);
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'CONTAINER_STUCK') throw error;
    if (!spec.redis.persistence.appendonly) {
      throw new StackError('CONTAINER_STUCK', {
        message: `${error.message}; a Redis of it may still run unseen, and write its dump.rdb when it ends`,
        hint: "Restart the machine (or the engine's VM), then: npx tsx manage.ts up",
        cause: error,
      });
    }
    await engine.removeContainer(name);
    throw new StackError('CHANGED_MEANWHILE', { message: error.message, cause: error });
  }
}
