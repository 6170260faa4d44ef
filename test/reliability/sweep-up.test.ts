import { describeSweep } from '../helpers/sweep.ts';

describeSweep({ name: 'up from nothing', from: 'nothing', command: () => ['up'] });

describeSweep({
  name: 'up from half',
  from: 'up',
  prepare: async ({ stack }) => {
    await Promise.all([1, 2].map((node) => stack.engine.stopContainer(stack.container(node), 10)));
    await stack.engine.removeContainer(stack.container(1));
  },
  command: () => ['up'],
});
