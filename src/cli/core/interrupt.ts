import { StackError } from '../../errors.ts';

/** Time for the engine to answer the calls that are under way, and for views to leave the terminal as they found it. */
const LAST_MOMENT_MS = 5000;

/**
 * One Ctrl-C may arrive twice: from the terminal, which sends it to every process in the foreground, and from tsx, which
 * passes on its own.
 */
const SAME_SIGNAL_MS = 500;

/** Aborted by Ctrl-C or SIGTERM. A second one ends the process at once. */
export function interruptSignal(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals): void => {
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
  return controller.signal;
}
