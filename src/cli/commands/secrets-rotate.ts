import { painter } from '../core/terminal.ts';
import type { Command } from '../core/command.ts';

export const secretsRotate: Command = {
  name: 'secrets rotate',
  changes: true,
  summary: 'change the password on all nodes and in its source, without a restart',
  run: async ({ openSession, endProgress, terminal, json }) => {
    const session = await openSession({ secret: true });
    const { rotateSecret } = await import('../../stack/commands/secrets-rotate.ts');
    const { place, nodeCount } = await rotateSecret(session);
    endProgress();
    if (json) {
      terminal.stdout.write(`${JSON.stringify({ stack: session.spec.name, place, nodes: nodeCount }, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(`${mark} ${nodeCount} nodes have a new password; it is in ${place}\n`);
    return 0;
  },
};
