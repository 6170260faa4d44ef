import { mendHint } from '../../cluster/findings/finding.ts';
import { findWriteRefusals, unwrittenFile } from '../../cluster/findings/write-refusals.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { containerName, volumeName } from '../../plan/model/names.ts';
import type { Session } from '../session/session.ts';
import { readLog } from './container-end.ts';
import { lastWriteFailure } from './log-signs.ts';
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

/** Who refuses writes goes on to do so however long anybody waits. @throws StackError DISK_FULL, DISK_READ_ONLY, CLUSTER_UNHEALTHY */
export async function rejectRefusing(session: Session, views: readonly NodeView[]): Promise<void> {
  const unwritten = views.filter(isReachable).flatMap((view) => {
    const file = unwrittenFile(view);
    return file === undefined ? [] : [unwritableFailure(session, view.name, file)];
  });
  const others = findWriteRefusals(views).map(
    (one) => new StackError('CLUSTER_UNHEALTHY', { message: one.text, hint: mendHint(one) }),
  );
  const [first, ...more] = unwritten.length > 0 ? await Promise.all(unwritten) : others;
  if (first === undefined) return;
  throw new StackError(first.code, {
    message: first.message,
    hint: first.hint ?? '',
    details: more.map(({ message }) => message),
  });
}

/** With less, a write of a few kilobytes may be the one that fails. */
const FULL_BYTES = 1024 ** 2;

/** Why a node that runs could not write a file in its folder: what the disk says, or its own last words on it. */
export async function unwritableFailure(session: Session, node: string, file: string): Promise<StackError> {
  const { engine, spec } = session;
  const [volume, container] = [volumeName(spec.name, node), containerName(spec.name, node)];
  const inside = parseInside(await engine.readCommand(container, LOOK_INSIDE).catch(() => ''));
  const what = `${node} could not write its ${file}, and refuses writes (every key can still be read)`;
  const then = hint`then: ${run('up')}`;
  if (inside?.isReadOnly === true) {
    return new StackError('DISK_READ_ONLY', {
      message: `${what}: the disk of its volume ${volume} can only be read`,
      hint: hint`docker volume inspect ${volume}   # remount its disk writable, ${then}`,
    });
  }
  if (inside !== undefined && inside.freeBytes <= FULL_BYTES) {
    const room = `, ${bytesText(inside.freeBytes)} of ${bytesText(inside.totalBytes)} are free`;
    return new StackError('DISK_FULL', {
      message: `${what}: the disk of its volume ${volume} is full${room}`,
      hint: hint`docker system df -v   # make room on the disk of ${volume}, ${then}`,
    });
  }
  const log = await readLog(engine, container, 60).catch(() => '');
  const place = { container, node, image: spec.redis.image, neighbour: undefined };
  const { text = 'although its disk has room', mend } = lastWriteFailure(log, place);
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${what}: ${text}`,
    hint: mend ?? hint`${run(`logs ${node}`)}   # says why: most often the memory. Then: ${run('up')}`,
  });
}
