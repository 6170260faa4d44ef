import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { TestStack } from './test-stack.ts';

/**
 * killed-run.ts in one file, as JavaScript: dozens of processes run it, and tsx would take longer to start each of them
 * than most of them live. In the project's folder, where it finds the packages.
 */
let program: Promise<string> | undefined;
function bundled(): Promise<string> {
  program ??= (async () => {
    const folder = join(process.cwd(), 'node_modules/.cache');
    const [file, unfinished] = [join(folder, 'killed-run.mjs'), join(folder, `killed-run-${process.pid}.mjs`)];
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external' } as const;
    await build({ ...options, entryPoints: ['test/helpers/killed-run.ts'], outfile: unfinished });
    // Other test files make the same one.
    renameSync(unfinished, file);
    return file;
  })();
  return program;
}

/** Runs `verb` on a stack in a process of its own that is killed right after its nth change. @returns how it ended. */
export async function runKilledAfter(
  stack: TestStack,
  verb: 'up' | 'rotate' | 'reshard',
  change: number,
): Promise<NodeJS.Signals | null> {
  const args = [await bundled(), verb, stack.file, String(change)];
  const child = spawn(process.execPath, args, { env: stack.env, stdio: 'ignore' });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}
