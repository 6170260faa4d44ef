import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose command line has all these words: every program on a stack names its folder there, as `-f`. */
export function processesOf(...words: readonly string[]): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    if (pid === process.pid) return false;
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return words.every((word) => line.includes(word));
    } catch {
      // It has ended since.
      return false;
    }
  });
}

/** A proxy that a test left behind would end by itself, in a minute or two. */
export function endProxies(folder: string): void {
  for (const pid of processesOf(folder, 'proxy-process')) {
    try {
      process.kill(pid);
    } catch {
      // It has ended since.
    }
  }
}
