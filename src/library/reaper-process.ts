import { spawn } from 'node:child_process';
import { ownProgram } from '../host/own-program.ts';

/** What stands beside this process and removes its clusters when it ends without having done so. */
interface Reaper {
  readonly hold: (stack: string) => void;
  readonly drop: (stack: string) => void;
}

const reapers = new Map<string, Reaper>();

/** One for each engine, started with the first cluster. It keeps nobody from ending. */
export function reaperFor(host: string | undefined, env: NodeJS.ProcessEnv): Reaper {
  const known = reapers.get(host ?? '');
  if (known !== undefined) return known;
  let write: ((line: string) => void) | undefined;
  const start = (): ((line: string) => void) => {
    const child = spawn(
      process.execPath,
      [...ownProgram().args, 'reaper', ...(host === undefined ? [] : ['--host', host])],
      {
        env,
        // In a group of its own, Ctrl-C doesn't reach it.
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
    return (line) => void child.stdin.write(line);
  };
  const say = (line: string): void => (write ??= start())(line);
  const reaper = {
    hold: (stack: string) => say(`hold ${stack}\n`),
    drop: (stack: string) => write?.(`drop ${stack}\n`),
  };
  reapers.set(host ?? '', reaper);
  return reaper;
}
