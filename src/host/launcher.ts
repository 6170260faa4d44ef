import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { findProcessStart } from './owner.ts';

const EVERY_MS = 1000;

/**
 * Calls `onEnd` when a process has ended that had nothing to do but wait for this one, which would go on unnoticed: npx, told to end,
 * passes the signal on to its shell, which ends and tells nobody.
 */
export async function watchLaunchers(onEnd: () => void): Promise<void> {
  const launchers = await Promise.all(
    launchersAmong(await readAncestors(process.ppid)).map(async (pid) => [pid, await findProcessStart(pid)] as const),
  );
  if (launchers.length === 0) return;
  const timer = setInterval(() => {
    void Promise.all(
      launchers.map(async ([pid, start]) => start !== undefined && (await findProcessStart(pid)) === start),
    ).then((alive) => {
      if (alive.every(Boolean)) return;
      clearInterval(timer);
      onEnd();
    });
  }, EVERY_MS);
  timer.unref();
}

export interface Ancestor {
  readonly pid: number;
  /** The command line, as `ps` shows it. */
  readonly command: string;
}

/**
 * Which of the ancestors, the nearest first, only wait: the process of tsx, then a shell for this one command (`sh -c …` without a
 * `&`), then npm. A person's shell is none of them, nor what nohup, setsid or `&` has left behind: they end, and this goes on.
 */
export function launchersAmong(ancestors: readonly Ancestor[]): readonly number[] {
  const found: number[] = [];
  for (const launcher of LAUNCHERS) {
    const next = ancestors[found.length];
    if (next !== undefined && launcher.test(next.command)) found.push(next.pid);
  }
  return found;
}

const LAUNCHERS: readonly RegExp[] = [
  /^\S*\bnode \S*\/tsx(?:\/dist\/cli\.mjs)? /,
  /^\S*\bsh -c (?:[^&]|&&|>&|&>)+$/,
  /^npm (?:exec|run|start|test)\b/,
];

/** As many as could count. */
async function readAncestors(first: number): Promise<Ancestor[]> {
  const found: Ancestor[] = [];
  for (let pid = first; pid > 1 && found.length < LAUNCHERS.length;) {
    const { parent, command } = await lookAtProcess(pid);
    found.push({ pid, command });
    pid = parent;
  }
  return found;
}

interface Seen {
  readonly parent: number;
  readonly command: string;
}

/** What can't be seen has no parent, and an empty command line. */
export function lookAtProcess(pid: number): Promise<Seen> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** proc(5) */
async function fromProc(pid: number): Promise<Seen> {
  const [status = '', line = ''] = await Promise.all(
    ['status', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  return { parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0), command: line.replaceAll('\0', ' ') };
}

async function fromPs(pid: number): Promise<Seen> {
  const shown = await promisify(execFile)('ps', ['-ww', '-o', 'ppid=,command=', '-p', String(pid)]).catch(
    () => undefined,
  );
  const [, parent = '0', command = ''] = /^\s*(\d+) (.*)/.exec(shown?.stdout ?? '') ?? [];
  return { parent: Number(parent), command };
}
