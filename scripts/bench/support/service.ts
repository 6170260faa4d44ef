import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { LONGEST_WAIT_MS, type Bench } from './context.ts';
import { ROOT } from './command.ts';

const GRACE_MS = 5000;

/** A program that serves until it is told to end. */
export interface Service {
  readonly pid: number;
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a program and waits until `findUrl` finds in what it wrote where it listens. As a command of ours it is in a process
 * group of its own, so that none of its children stays behind.
 */
export async function startService(
  { signal }: Bench,
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  findUrl: (output: string) => string | undefined,
): Promise<Service> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  const { pid } = child;
  const kill = (killSignal: NodeJS.Signals): void => {
    try {
      if (pid !== undefined) process.kill(-pid, killSignal);
    } catch {
      // All of them have ended.
    }
  };
  const stop = async (): Promise<void> => {
    kill('SIGTERM');
    const timer = setTimeout(kill, GRACE_MS, 'SIGKILL');
    await closed.catch(() => undefined);
    clearTimeout(timer);
  };
  try {
    // What it writes is read to its end: a program whose pipe is full would wait for a reader.
    const url = await readUntil([child.stdout, child.stderr], closed, findUrl);
    if (pid === undefined) throw new Error('it has no process id');
    return { pid, url, stop };
  } catch (error) {
    await stop();
    throw new Error(`${[program, ...args].join(' ').slice(0, 200)}: ${(error as Error).message}`, { cause: error });
  }
}

function readUntil(
  streams: readonly Readable[],
  closed: Promise<unknown>,
  find: (output: string) => string | undefined,
): Promise<string> {
  let output = '';
  return new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing within ${LONGEST_WAIT_MS / 1000} s`)), LONGEST_WAIT_MS);
    for (const stream of streams) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const found = find(output);
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    }
    closed.then(() => {
      clearTimeout(timer);
      reject(new Error(`it ended\n${output.trim().split('\n').slice(-8).join('\n')}`));
    }, reject);
  });
}
