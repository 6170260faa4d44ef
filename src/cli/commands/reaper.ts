import type { Command } from '../core/command.ts';

export const reaper: Command = {
  name: 'reaper',
  isHidden: true,
  summary: 'stands beside a process with isolated clusters, which starts it: removes what is left when its stdin ends',
  run: async ({ openByLabel, terminal }) => {
    const { reap } = await import('../../library/reaper.ts');
    await reap(await openByLabel(), terminal.stdin);
    return 0;
  },
};
