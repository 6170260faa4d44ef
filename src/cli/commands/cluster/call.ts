import { StackError } from '../../../errors.ts';
import type { Command } from '../../core/command.ts';
import { table } from '../../views/table.ts';

export const clusterCall: Command = {
  name: 'cluster call',
  operands: '[command...]',
  summary: 'send one command to every node, and show the replies in one table',
  passesOn: 'the command, where it has options of its own',
  run: async ({ openSession, operands, passedOn, terminal, json }) => {
    const [name, ...args] = [...operands, ...passedOn];
    if (name === undefined) {
      throw new StackError('USAGE', { message: 'no command is named', hint: 'npx tsx manage.ts cluster call DBSIZE' });
    }
    const session = await openSession();
    const { callEveryNode } = await import('../../../stack/commands/cluster/call.ts');
    const replies = await callEveryNode(session, [name, ...args]);
    if (json) {
      terminal.stdout.write(`${JSON.stringify({ stack: session.spec.name, replies }, null, 2)}\n`);
    } else {
      const rows = replies.map(({ node, reply, failure }) => [
        node,
        failure === undefined ? replyText(reply) : `✗ ${failure}`,
      ]);
      terminal.stdout.write(`${await table(['node', 'reply'], rows)}\n`);
    }
    return replies.every(({ failure }) => failure === undefined) ? 0 : 1;
  },
};

function replyText(reply: unknown): string {
  if (typeof reply === 'string') return reply.trimEnd();
  if (reply === null) return '(nil)';
  return JSON.stringify(reply);
}
