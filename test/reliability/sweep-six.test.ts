import { describeSweep } from '../helpers/sweep.ts';

describeSweep({
  name: 'up of 3+3 from nothing',
  stack: { nodeCount: 6, replicas: 1 },
  from: 'nothing',
  command: () => ['up'],
});
