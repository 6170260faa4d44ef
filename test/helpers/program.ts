import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestStack } from './test-stack.ts';

/** How a process of the program's own ended: by itself with an exit code, or by a signal that it didn't hear. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far of its progress. */
  readonly said: () => string;
  /** What it has printed so far. */
  readonly printed: () => string;
}

/**
 * Runs a command line on a stack in a process of its own. Without the process that tsx puts before it: that one kills a
 * program which is too busy to hear a signal in 30 ms, and lives on where the program is killed.
 *
 * @param launcher a command before it, which becomes this very process: `nsenter --net=… --`
 */
export function startProgram(
  { file, env }: Pick<TestStack, 'file' | 'env'>,
  args: readonly string[],
  launcher: readonly string[] = [],
): Program {
  const separator = args.indexOf('--');
  const at = separator === -1 ? args.length : separator;
  const own = ['--import', 'tsx', 'manage.ts', ...args.slice(0, at), '-f', file, ...args.slice(at)];
  const [command = '', ...rest] = [...launcher, process.execPath, ...own];
  const startedAt = performance.now();
  const child = spawn(command, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  // Its output may come after its end: 'close' is when both are there.
  const ended = once(child, 'close').then((how): Ended => {
    const [exitCode, signal] = how as [number | null, NodeJS.Signals | null];
    return { exitCode, signal, stdout, stderr, elapsedMs: performance.now() - startedAt };
  });
  return { child, ended, said: () => stderr, printed: () => stdout };
}

/** For a message of a test that failed. */
export function endText({ exitCode, signal, stdout, stderr }: Ended): string {
  return `ended with ${exitCode ?? signal ?? '?'}\n${stdout}${stderr}`;
}

/** Fails the test, with all that was printed, where the exit code is not 0. */
export function requireSuccess(ended: Ended, when = ''): Ended {
  if (ended.exitCode !== 0) throw new Error(`${when} ${endText(ended)}`);
  return ended;
}
