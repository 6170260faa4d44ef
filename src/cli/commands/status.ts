import type { Command } from '../core/command.ts';
import { showStatus, statusAsJson } from '../views/status.ts';

export const status: Command = {
  name: 'status',
  summary: 'show what runs, from which image, and whether the cluster is whole (exit code 1 if not)',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { readStatus } = await import('../../stack/commands/status.ts');
    const state = await readStatus(session);
    if (json) terminal.stdout.write(`${JSON.stringify(statusAsJson(session, state), null, 2)}\n`);
    else await showStatus(session, state, terminal);
    return state.problems.length === 0 ? 0 : 1;
  },
};
