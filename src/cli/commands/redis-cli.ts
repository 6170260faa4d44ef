import type { Command } from '../core/command.ts';
import type { Spec } from '../../spec/spec.ts';

export const redisCli: Command = {
  name: 'redis-cli',
  operands: '[node]',
  summary: "the node's own redis-cli, in cluster mode and with the password",
  passesOn: "redis-cli's arguments",
  passesOnRest: true,
  explanation: `Without arguments it is a prompt. The first node is asked, unless the first word names another one:
  $0 redis-cli GET user:1000
  $0 redis-cli redis-2 INFO memory
  $0 redis-cli -n 0 GET user:1000
Options of this program stand before redis-cli's first word. Behind -- all is redis-cli's, whatever it looks like:
  $0 redis-cli redis-1 -f stack.yaml -- SET key --json`,
  run: async ({ openSession, operands, passedOn, terminal }) => {
    const session = await openSession();
    const { runRedisCli } = await import('../../stack/commands/redis-cli.ts');
    const hasNode = namesNode(session.spec, operands, passedOn);
    const [node, args] = hasNode ? [operands[0], operands.slice(1)] : [undefined, operands];
    return runRedisCli(session, node, [...args, ...passedOn], terminal);
  },
};

/** A mistaken name is not sent as a command: no command of Redis has a digit, and behind `--` there is one already. */
function namesNode({ nodes }: Spec, [first = '-', ...others]: readonly string[], passedOn: readonly string[]): boolean {
  if (first.startsWith('-')) return false;
  const isCommandElsewhere = others.length === 0 && passedOn.length > 0;
  return nodes.some(({ name }) => name === first) || /\d/.test(first) || isCommandElsewhere;
}
