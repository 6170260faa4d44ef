import { describeSweep } from '../helpers/sweep.ts';

describeSweep({ name: 'up from nothing', from: 'nothing', command: () => ['up'] });

describeSweep({
  name: 'up from half',
  from: 'up',
  prepare: async ({ stack: { engine, container } }) => {
    await Promise.all([engine.stopContainer(container(1), 10), engine.stopContainer(container(2), 10)]);
    await engine.removeContainer(container(1));
  },
  command: () => ['up'],
});
