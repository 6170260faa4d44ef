import { unwrittenFile, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { containerName, volumeName } from '../../plan/model/names.ts';
import type { Session } from '../session/session.ts';
import { bytesText } from '../../units.ts';

/** What a node's container says of itself from the inside. */
export interface Inside {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly isReadOnly: boolean;
  /** Processes in it that the kernel has ended since it started, for want of memory. */
  readonly killedProcesses: number;
}

/** Reads only, with what any image with a shell has. `oom_kill` is where version 2 or version 1 of cgroups keeps it. */
export const LOOK_INSIDE = [
  'sh',
  '-c',
  'df -Pk /data; grep " /data " /proc/mounts; cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null; true',
];

/** undefined where it says nothing of the disk: another image's tools may speak otherwise. */
export function parseInside(output: string): Inside | undefined {
  const lines = output.split('\n');
  // POSIX df -P: file system, blocks, used, free, capacity, mounted on.
  const disk = lines
    .map((line) => /\s(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+\/data$/.exec(line))
    .find((found) => found !== null);
  if (disk === undefined) return undefined;
  // proc(5), mounts: device, folder, type, options.
  const options = lines.map((line) => /^\S+ \/data \S+ (\S+)/.exec(line)?.[1]).findLast((found) => found !== undefined);
  const killed = lines.map((line) => /^oom_kill (\d+)/.exec(line)?.[1]).find((found) => found !== undefined);
  return {
    totalBytes: Number(disk[1]) * 1024,
    freeBytes: Number(disk[3]) * 1024,
    isReadOnly: options?.split(',').includes('ro') ?? false,
    killedProcesses: Number(killed ?? 0),
  };
}

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
  const then = hint`then: ${run('up')}`;
  if (inside?.isReadOnly === true) {
    return new StackError('DISK_READ_ONLY', {
      message: `${what}: the disk of its volume ${volume} can only be read`,
      hint: hint`docker volume inspect ${volume}   # remount its disk writable, ${then}`,
    });
  }
  if (inside !== undefined && inside.freeBytes > FULL_BYTES) {
    return new StackError('CLUSTER_UNHEALTHY', {
      message: `${what}, although its disk has room`,
      hint: hint`${run(`logs ${view.name}`)}   # says why: most often the memory. Then: ${run('up')}`,
    });
  }
  const room =
    inside === undefined ? '' : `, ${bytesText(inside.freeBytes)} of ${bytesText(inside.totalBytes)} are free`;
  return new StackError('DISK_FULL', {
    message: `${what}: the disk of its volume ${volume} is full${room}`,
    hint: hint`docker system df -v   # make room on the disk of ${volume}, ${then}`,
  });
}
