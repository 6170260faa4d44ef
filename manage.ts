import { main } from './src/cli/main.ts';
import { interruptSignal } from './src/cli/interrupt.ts';

void main(process.argv.slice(2), { ...process, signal: interruptSignal(process) }).then((exitCode) => {
  process.exitCode = exitCode;
});
