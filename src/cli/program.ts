import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { main, type Surroundings } from './core/main.ts';
import { StackError } from '../errors.ts';
import { watchLaunchers } from '../host/launcher.ts';

export { main };

/**
 * The whole program: runs the command line that `process` was started with.
 */
export async function start(process: NodeJS.Process, from: Pick<Surroundings, 'program' | 'checkout'>): Promise<void> {
  // `logs | head` closes the pipe when it has read enough: the end, not an error.
  process.stdout.on('error', () => process.exit());
  // Who closes the progress may still want the work.
  process.stderr.on('error', () => undefined);
  const { stdin, stdout, stderr, env, argv } = process;
  // ioredis writes every command to its debug log, and AUTH's argument is the password.
  if (env['DEBUG']) env['DEBUG'] += ',-ioredis:*';
  const { signal, passSignals } = interrupts(process);
  void watchLaunchers(() => {
    // After a Ctrl-C the shell is gone, too: that is no second one.
    if (!signal.aborted) process.emit('SIGTERM', 'SIGTERM');
  });
  process.exitCode = await main(argv.slice(2), { ...from, stdin, stdout, stderr, env, signal, passSignals });
  // An engine that never answers leaves its connection open, and that would keep the process. What was written is out
  // when this is called.
  stdout.write('', () => process.exit());
}

/**
 * What a person types in `folder` to call the package.
 *
 * @param script the file that Node.js was started with: `/shop/node_modules/.bin/redis-cluster`
 */
export function calledAs(script: string, folder: string): string {
  // Fetched by npx for this once; `npx redis-cluster` would fetch somebody else's package.
  if (/[\\/]_npx[\\/]/.test(script)) return 'npx redis-cluster-as-code';
  const project = /^(.*?)[\\/]node_modules[\\/]/.exec(script)?.[1];
  // Outside of the project that has it, or installed for all of them: found by the PATH.
  if (project === undefined || relative(realpathSync(project), folder).startsWith('..')) return 'redis-cluster';
  return 'npx redis-cluster';
}

/** Time for the engine to answer the calls that are under way, and for views to leave the terminal as they found it. */
const LAST_MOMENT_MS = 5000;

/**
 * One Ctrl-C may arrive twice: from the terminal, which sends it to every process in the foreground, and from tsx, which
 * passes on its own.
 */
const SAME_SIGNAL_MS = 500;

/** What comes of Ctrl-C and SIGTERM. */
interface Interrupts {
  /** Aborted by one of them. A second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Until it is called with undefined, they mean nothing to this process but are somebody else's. */
  readonly passSignals: (receiver: ((name: NodeJS.Signals) => void) | undefined) => void;
}

export function interrupts(process: NodeJS.Process): Interrupts {
  const controller = new AbortController();
  let receiver: ((name: NodeJS.Signals) => void) | undefined;
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    if (receiver !== undefined) {
      receiver(name);
      return;
    }
    const now = performance.now();
    if (controller.signal.aborted && now - firstAt < SAME_SIGNAL_MS) return;
    firstAt ||= now;
    const code = name === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED';
    const failure = new StackError(code, {
      message: 'stopped half-way; nothing is lost',
      hint: 'Run the same command again: it goes on where it stopped.',
    });
    if (controller.signal.aborted) process.exit(failure.exitCode);
    controller.abort(failure);
    setTimeout(() => process.exit(failure.exitCode), LAST_MOMENT_MS).unref();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    passSignals: (to) => {
      receiver = to;
    },
  };
}
