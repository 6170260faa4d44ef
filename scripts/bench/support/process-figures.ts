import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux has kept at 100 on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

/** Processor time that all threads of a process have taken so far, in user mode and in the kernel. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [fields[11], fields[12]].map(Number);
  return ((userTicks ?? Number.NaN) + (systemTicks ?? Number.NaN)) / TICKS_PER_SECOND;
}

/** The share of one core, in percent, that a process takes while `work` is under way. */
export async function cpuPercent(pid: number, work: () => Promise<unknown>): Promise<number> {
  const [cpuAtStart, start] = [cpuSeconds(pid), performance.now()];
  await work();
  return ((cpuSeconds(pid) - cpuAtStart) / ((performance.now() - start) / 1000)) * 100;
}

/** Memory that a process holds right now. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / KIB_PER_MIB;
}
