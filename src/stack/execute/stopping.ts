import { withAppendonly, REDIS_CONF_FILE } from '../../plan/node/redis-config.ts';
import { appendonlyMark, readAppendonlyMark } from '../observe/data-folder.ts';
import type { Session } from '../session/session.ts';
import { configFile } from './config-files.ts';

/**
 * How long a node has to end after SIGTERM, in seconds; then it is killed. One with an append-only file has its keys there.
 * Another one writes all of them as it ends, and a large dump takes its time: as much as the engine itself is waited for.
 */
export async function stopGraceSeconds(
  { engine, timeoutMs }: Pick<Session, 'engine' | 'timeoutMs'>,
  container: string,
): Promise<number> {
  const isLogged = (await readAppendonlyMark(engine, container)) === true;
  return isLogged ? SHORT_GRACE_SECONDS : dumpGraceSeconds(timeoutMs);
}

const SHORT_GRACE_SECONDS = 10;

/** For a node that writes all its keys as it ends. The engine itself is waited for as long as this, and not much longer. */
export function dumpGraceSeconds(timeoutMs: number): number {
  return Math.max(SHORT_GRACE_SECONDS, Math.floor(timeoutMs / 1000) - 5);
}

/** What a container says of its data, when the next command looks at it. In one archive, so that both say the same. */
export async function leaveWritten({ engine, spec }: Session, container: string): Promise<void> {
  const { appendonly } = spec.redis.persistence;
  const conf = (await engine.readFile(container, REDIS_CONF_FILE)) ?? '';
  const file = configFile(REDIS_CONF_FILE, withAppendonly(conf, appendonly));
  await engine.writeFiles(container, [file, appendonlyMark(appendonly)]);
}
