import { StackError } from '../../errors.ts';
import type { Action } from '../../plan/model/actions.ts';
import { withAppendonly, writtenAppendonly } from '../../plan/node/appendonly-line.ts';
import { REDIS_GID, REDIS_UID } from '../../plan/model/definitions.ts';
import type { Observed } from '../../plan/model/observed.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import { REDIS_CONF_FILE } from '../../plan/node/redis-config.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { configValue, prepareDump, writeLog } from '../../redis/persistence.ts';
import type { Secret } from '../../secret.ts';
import { appendonlyMark, findDataFiles, readAppendonlyMark, wrongFile } from '../observe/data-folder.ts';
import { dumpGraceSeconds } from './perform.ts';
import type { Session } from '../session/session.ts';
import { findSubjects, linkIfAnswering, type Subject } from './switch-subjects.ts';

/**
 * Before containers are replaced or started: has each node put its keys where its new configuration reads them. With
 * `appendonly yes` Redis reads nothing but the append-only file, with `no` nothing but dump.rdb, however old that is.
 *
 * @returns containers whose last keys come into dump.rdb when they are stopped: `stopSaving` sees to it
 * @throws StackError DATA_AT_RISK for a node that can't, as it doesn't run; nothing is changed then
 */
export async function switchPersistence(
  session: Session,
  wanted: Wanted,
  observed: Pick<Observed, 'containers' | 'data'>,
  actions: readonly Action[],
  password: Secret,
): Promise<ReadonlySet<string>> {
  const { engine, spec } = session;
  const { appendonly } = spec.redis.persistence;
  const subjects = findSubjects(session, wanted, observed, actions);
  const states = await Promise.all(subjects.map((subject) => observe(session, subject, password)));
  try {
    const toSwitch = states.filter((state) => state.differs);
    const [first, ...others] = (await Promise.all(toSwitch.map((state) => findObstacle(session, state)))).flat();
    if (first !== undefined) {
      const { message, hint = '' } = wrongFile(appendonly, first);
      throw new StackError('DATA_AT_RISK', { message, hint, details: others });
    }
    const outcomes = await Promise.allSettled(
      states.map(async ({ container: { name }, conf, link, differs }) => {
        if (conf === undefined) return;
        if (!differs) {
          // Made before there were marks. Its container, which tells the same, may be about to go.
          const isMarked = (await readAppendonlyMark(engine, name)) === appendonly;
          return isMarked ? undefined : engine.writeFiles(name, [appendonlyMark(appendonly)]);
        }
        if (link === undefined) return;
        if (!appendonly) {
          await prepareDump(link, session);
          return session.report({ subject: link.name, state: 'done', text: 'its keys are in dump.rdb now' });
        }
        await writeLog(link, session);
        session.report({ subject: link.name, state: 'done', text: 'its keys are in an append-only file now' });
        await leaveWritten(session, name);
      }),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return new Set(appendonly ? [] : toSwitch.filter(({ link }) => link).map(({ container }) => container.name));
  } finally {
    for (const { link } of states) link?.close();
  }
}

/**
 * Stops a node that has all its keys in its append-only file, and only most of them in dump.rdb: Redis writes the others
 * when it is asked to end. The append-only file stays in use until then, so that a node that is killed loses nothing.
 *
 * @throws StackError DATA_AT_RISK when it was killed before it had written them
 */
export async function stopSaving(session: Session, container: string): Promise<void> {
  const { engine, timeoutMs } = session;
  await engine.stopContainer(container, dumpGraceSeconds(timeoutMs));
  const { exitCode } = await engine.containerExit(container);
  if (exitCode === 0) return leaveWritten(session, container);
  throw new StackError('DATA_AT_RISK', {
    message: `${container} ended with exit code ${exitCode} before its last keys were in dump.rdb; its append-only file has all of them`,
    hint: 'Set persistence.appendonly: true again and run up. Then try again with a longer --timeout SECONDS.',
  });
}

interface State extends Subject {
  /** Its redis.conf; undefined where it was never configured, and the folder alone can tell. */
  readonly conf: string | undefined;
  /** Only of a node that runs and answers. */
  readonly link: NodeLink | undefined;
  /** It runs, or would start again, with another setting than the wanted one. */
  readonly differs: boolean;
}

async function observe(session: Session, subject: Subject, password: Secret): Promise<State> {
  const { engine, spec } = session;
  const { name, state } = subject.container;
  const conf = await engine.readFile(name, REDIS_CONF_FILE);
  if (conf === undefined) return { ...subject, conf, link: undefined, differs: false };
  const { appendonly } = spec.redis.persistence;
  const link = state === 'running' ? await linkIfAnswering(session, subject, password) : undefined;
  // Somebody may have set it by hand.
  const live = link === undefined ? undefined : (await configValue(link, 'appendonly')) === 'yes';
  return { ...subject, conf, link, differs: [writtenAppendonly(conf), live].includes(!appendonly) };
}

/** Why a node's keys can't be put elsewhere; nothing where they can, or where there are none. */
async function findObstacle({ engine }: Session, { node, container, link }: State): Promise<string[]> {
  if (link !== undefined) return [];
  const { hasDump, hasAppendOnlyFile } = await findDataFiles(engine, container.name);
  // Of one that runs, nobody knows what is in its memory only.
  if (container.state !== 'running' && !hasDump && !hasAppendOnlyFile) return [];
  const absence =
    container.state === 'running' ? 'does not answer' : `does not run (its container is ${container.state})`;
  return [`${node.name} ${absence}, so its keys are where it wrote them last`];
}

/** What a container says of its data, when the next command looks at it. */
async function leaveWritten({ engine, spec }: Session, container: string): Promise<void> {
  const { appendonly } = spec.redis.persistence;
  const conf = (await engine.readFile(container, REDIS_CONF_FILE)) ?? '';
  const owner = { mode: 0o600, uid: REDIS_UID, gid: REDIS_GID };
  // In one archive, so that they say the same.
  await engine.writeFiles(container, [
    { path: REDIS_CONF_FILE, content: withAppendonly(conf, appendonly), ...owner },
    appendonlyMark(appendonly),
  ]);
}
