import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestStack } from './test-stack.ts';

/** Runs `verb` on a stack in a process of its own that is killed right after its nth change. @returns how it ended. */
export async function runKilledAfter(
  stack: TestStack,
  verb: 'up' | 'rotate' | 'reshard',
  change: number,
): Promise<NodeJS.Signals | null> {
  const tsx = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
  const child = spawn(process.execPath, [tsx, 'test/helpers/killed-run.ts', verb, stack.file, String(change)], {
    env: stack.env,
    stdio: 'ignore',
  });
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  // tsx passes on how its child ended: by the signal, or by the exit code that shells give for it.
  return exitCode === 137 ? 'SIGKILL' : signal;
}
