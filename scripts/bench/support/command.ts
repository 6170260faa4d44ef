import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LONGEST_WAIT_MS, type Bench } from './context.ts';
import { freshStateFolder, type BenchStack } from './stacks.ts';

export const ROOT = join(__dirname, '../../..');
const GRACE_MS = 10_000;

/**
 * Runs a program to its end and gives what it wrote to stdout.
 *
 * It gets a process group of its own: npx and docker-compose have children, and after Ctrl-C none of them may go on
 * making containers while what was made is cleared away. Hence also `close`, which comes when the last of them has ended.
 */
export function runCommand(
  { engine, signal }: Bench,
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
  timeoutMs = LONGEST_WAIT_MS,
): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The peers must talk to the same engine as we do.
      env: { ...process.env, DOCKER_HOST: engine.endpoint.address, NO_COLOR: '1', ...env },
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const kill = (killSignal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, killSignal);
      } catch {
        // All of them have ended.
      }
    };
    const timers: NodeJS.Timeout[] = [];
    const end = (): void => {
      kill('SIGTERM');
      timers.push(setTimeout(kill, GRACE_MS, 'SIGKILL'));
    };
    timers.push(setTimeout(end, timeoutMs));
    signal.addEventListener('abort', end);
    const stopWatching = (): void => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', end);
    };
    child.once('error', (error) => {
      stopWatching();
      reject(error);
    });
    child.once('close', (exitCode) => {
      stopWatching();
      if (signal.aborted) reject(signal.reason as Error);
      else if (exitCode === 0) resolve(output.stdout);
      else {
        const lines = `${output.stdout}${output.stderr}`.trim().split('\n').slice(-8).join('\n');
        reject(new Error(`${[program, ...args].join(' ').slice(0, 200)}: exit code ${exitCode}\n${lines}`));
      }
    });
  });
}

/** Whether a program is there and runs. */
export async function canRun(bench: Bench, command: readonly [string, ...string[]]): Promise<boolean> {
  try {
    await runCommand(bench, command);
    return true;
  } catch {
    bench.signal.throwIfAborted();
    return false;
  }
}

/** False, with a message, in a checkout without the front door. */
export function hasManage({ note }: Bench, part: string): boolean {
  const isThere = existsSync(join(ROOT, 'manage.ts'));
  if (!isThere) note(`${part}: manage.ts is not there; what needs it is left out`);
  return isThere;
}

/** The whole command, as it is typed. `stateFolder` is where the password is, or will be. */
export async function runManageUp(bench: Bench, { path }: BenchStack, stateFolder?: string): Promise<void> {
  const env = { XDG_STATE_HOME: stateFolder ?? (await freshStateFolder(bench)) };
  await runCommand(bench, ['npx', 'tsx', 'manage.ts', 'up', '-f', path], env);
}
