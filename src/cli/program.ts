import { interruptSignal } from './core/interrupt.ts';
import { main } from './core/main.ts';

/** The whole program: runs the command line that `process` was started with. `root` is the checkout's folder. */
export async function start(process: NodeJS.Process, root: string): Promise<void> {
  // `manage.ts logs | head` closes the pipe when it has read enough: the end, not an error.
  process.stdout.on('error', () => process.exit());
  // Who closes the progress may still want the work.
  process.stderr.on('error', () => undefined);
  const { stdin, stdout, stderr, env, argv } = process;
  // ioredis writes every command to its debug log, and AUTH's argument is the password.
  if (env['DEBUG']) env['DEBUG'] += ',-ioredis:*';
  const signal = interruptSignal(process);
  process.exitCode = await main(argv.slice(2), { stdin, stdout, stderr, env, root, signal });
  // An engine that never answers leaves its connection open, and that would keep the process. What was written is out
  // when this is called.
  stdout.write('', () => process.exit());
}
