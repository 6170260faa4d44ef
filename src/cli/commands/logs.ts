import { wrongValue, type Command, type OptionValues } from '../core/command.ts';

export const logs: Command = {
  name: 'logs',
  operands: '[node]',
  summary: "show the nodes' logs",
  options: {
    '--follow': 'go on with what comes, until Ctrl-C',
    '--tail <lines>': 'only so many lines of each node, or `all` (default: 100)',
    '--timestamps': "with the engine's own time before each line",
  },
  run: async ({ openSession, operands, options, terminal, json, signal }) => {
    const tail = parseTail(options['tail']);
    const session = await openSession();
    const { readLogs } = await import('../../stack/commands/logs.ts');
    const [node] = operands;
    const follow = options['follow'] === true;
    try {
      await readLogs(session, node, { follow, tail, timestamps: options['timestamps'] === true }, (line) => {
        const text = node === undefined ? `${line.node} | ${line.text}` : line.text;
        terminal.stdout.write(`${json ? JSON.stringify(line) : text}\n`);
      });
    } catch (error) {
      // Ctrl-C is how a person ends it, not a failure.
      if (!follow || !signal.aborted) throw error;
    }
    return 0;
  },
};

function parseTail(value: OptionValues[string]): number | 'all' {
  if (value === undefined) return 100;
  if (value === 'all') return 'all';
  const lines = Number(value);
  if (Number.isInteger(lines) && lines >= 0) return lines;
  throw wrongValue('--tail', 'a number of lines or all', value);
}
