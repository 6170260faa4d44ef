import type { Action } from '../../plan/model/actions.ts';
import { writtenAppendonly } from '../../plan/node/appendonly-line.ts';
import type { Observed } from '../../plan/model/observed.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import { REDIS_CONF_FILE } from '../../plan/node/redis-config.ts';
import { pause } from '../../pause.ts';
import type { Secret } from '../../secret.ts';
import type { Session } from '../session/session.ts';
import { findSubjects, linkIfAnswering, type Subject } from '../execute/switch-subjects.ts';

const POLLING_MS = 100;

/**
 * Starts nodes that have stopped with their keys where the new configuration would not read them, as they are: only a node
 * that runs can put them elsewhere.
 *
 * @returns how many were started; what was planned before knows nothing of them
 */
export async function startToSwitch(
  session: Session,
  wanted: Wanted,
  observed: Pick<Observed, 'containers' | 'data'>,
  actions: readonly Action[],
  password: Secret,
): Promise<number> {
  const { engine, spec, report } = session;
  const stopped = findSubjects(session, wanted, observed, actions).filter(
    ({ container }) => container.state === 'exited',
  );
  const started = await Promise.all(
    stopped.map(async (subject): Promise<number> => {
      const { node, container } = subject;
      const conf = await engine.readFile(container.name, REDIS_CONF_FILE);
      if (conf === undefined || writtenAppendonly(conf) !== !spec.redis.persistence.appendonly) return 0;
      report({ subject: node.name, state: 'running', text: 'has to run to put its keys elsewhere' });
      await engine.startContainer(container.name);
      await untilAnswering(session, subject, password);
      return 1;
    }),
  );
  return started.reduce((sum, count) => sum + count, 0);
}

/** Returns when it has read its keys, or won't: who looks at it next sees which. */
async function untilAnswering(session: Session, subject: Subject, password: Secret): Promise<void> {
  const { engine, signal, timeoutMs } = session;
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    // It has ports only while it runs.
    const container = (await engine.listContainers()).find(({ name }) => name === subject.container.name);
    if (container?.state !== 'running') return;
    const link = await linkIfAnswering(session, { ...subject, container }, password);
    link?.close();
    if (link !== undefined) return;
    await pause(POLLING_MS, signal);
  }
}
