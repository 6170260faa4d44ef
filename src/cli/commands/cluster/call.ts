import { StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import type { Command } from '../../core/command.ts';

export const clusterCall: Command = {
  name: 'cluster call',
  operands: '[command...]',
  summary: 'send one command to every node, and show the replies in one table',
  passesOn: 'the command, where it has options of its own',
  run: async ({ openSession, operands, passedOn }) => {
    const [name, ...args] = [...operands, ...passedOn];
    if (name === undefined) {
      throw new StackError('USAGE', { message: 'no command is named', hint: run('cluster call DBSIZE') });
    }
    const session = await openSession();
    const { callEveryNode } = await import('../../../stack/commands/cluster/call.ts');
    const replies = await callEveryNode(session, [name, ...args]);
    return {
      data: { stack: session.spec.name, replies },
      show: ({ table }) =>
        table(
          ['node', 'reply'],
          replies.map(({ node, reply, failure }) => [node, failure === undefined ? replyText(reply) : `✗ ${failure}`]),
        ),
      exitCode: replies.every(({ failure }) => failure === undefined) ? 0 : 1,
    };
  },
};

function replyText(reply: unknown): string {
  if (typeof reply === 'string') return reply.trimEnd();
  if (reply === null) return '(nil)';
  return JSON.stringify(reply);
}
