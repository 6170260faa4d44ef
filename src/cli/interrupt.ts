import { StackError } from '../errors.ts';

/** Time for the engine to answer the calls that are under way, and for views to leave the terminal as they found it. */
const LAST_MOMENT_MS = 5000;

/** Aborted by Ctrl-C or SIGTERM. A second signal ends the process at once. */
export function interruptSignal(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
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
  return controller.signal;
}
