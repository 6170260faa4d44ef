import { unwrittenFile, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { containerName, volumeName } from '../../plan/model/names.ts';
import { commandText } from '../session/command-text.ts';
import { LOOK_INSIDE, parseInside } from './inside.ts';
import type { Session } from '../session/session.ts';

/** A disk that is full doesn't empty itself however long anybody waits. @throws StackError DISK_FULL, DISK_READ_ONLY */
export async function rejectUnwritable(session: Session, views: readonly ReachableView[]): Promise<void> {
  const refusing = views.filter((view) => unwrittenFile(view) !== undefined);
  const failures = await Promise.all(refusing.map((view) => failureOf(session, view)));
  const [first, ...others] = failures;
  if (first === undefined) return;
  throw new StackError(first.code, {
    message: first.message,
    hint: first.hint ?? '',
    details: others.map(({ message }) => message),
  });
}

/** With less, a write of a few kilobytes may be the one that fails. */
const FULL_BYTES = 1024 ** 2;

async function failureOf(session: Session, view: ReachableView): Promise<StackError> {
  const { engine, spec } = session;
  const volume = volumeName(spec.name, view.name);
  const inside = parseInside(
    await engine.readCommand(containerName(spec.name, view.name), LOOK_INSIDE).catch(() => ''),
  );
  const what = `${view.name} could not write its ${unwrittenFile(view) ?? 'data'}, and refuses writes (every key can still be read)`;
  const then = `then: ${commandText(session, 'up')}`;
  if (inside?.isReadOnly === true) {
    return new StackError('DISK_READ_ONLY', {
      message: `${what}: the disk of its volume ${volume} can only be read`,
      hint: `docker volume inspect ${volume}   # remount its disk writable, ${then}`,
    });
  }
  if (inside !== undefined && inside.freeBytes > FULL_BYTES) {
    return new StackError('CLUSTER_UNHEALTHY', {
      message: `${what}, although its disk has room`,
      hint: `npx tsx manage.ts logs ${view.name}   # says why: most often the memory. Then: ${commandText(session, 'up')}`,
    });
  }
  const room =
    inside === undefined
      ? ''
      : `, ${Math.floor(inside.freeBytes / 1024)} kB of ${Math.round(inside.totalBytes / 1024 ** 2)} MB are free`;
  return new StackError('DISK_FULL', {
    message: `${what}: the disk of its volume ${volume} is full${room}`,
    hint: `docker system df -v   # make room on the disk of ${volume}, ${then}`,
  });
}
