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
