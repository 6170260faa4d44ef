import type { Command } from '../core/command.ts';

export const redisCli: Command = {
  name: 'redis-cli',
  operands: '[node]',
  summary: "the node's own redis-cli, in cluster mode and with the password",
  passesOn: "redis-cli's arguments",
  run: async ({ openSession, operands, passedOn, terminal }) => {
    const session = await openSession();
    const { runRedisCli } = await import('../../stack/commands/redis-cli.ts');
    return runRedisCli(session, operands[0], passedOn, terminal);
  },
};
