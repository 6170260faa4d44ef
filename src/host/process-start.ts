import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';

/**
 * When a process began, as a text that another process of the same number won't have; undefined where there is none, or
 * it has ended and only waits to be noticed. Where that can't be told (no /proc), all that run look the same.
 */
export async function findProcessStart(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return isThere(pid) ? '0' : undefined;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // proc(5): the name, in parentheses, may hold anything; behind it are the state and, 19 fields on, the start in ticks.
  const [state, ...fields] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields[18];
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: somebody else's, and there.
    return systemErrorCode(error) === 'EPERM';
  }
}
