import { interruptSignal } from './src/cli/interrupt.ts';
import { main } from './src/cli/main.ts';

// `manage.ts logs | head` closes the pipe when it has read enough: the end, not an error.
process.stdout.on('error', () => process.exit());

void main(process.argv.slice(2), { ...process, signal: interruptSignal(process) }).then((exitCode) => {
  process.exitCode = exitCode;
});
