import { findRest } from '../helpers/stack-trouble.ts';
import { describeSweep } from '../helpers/sweep.ts';

describeSweep({
  name: 'down',
  from: 'up',
  command: () => ['down'],
  // A second `down` leaves nothing but the data, with which `up` then goes on.
  again: async ({ stack }) => {
    const second = await stack.run('down');
    const rest = await findRest(stack);
    if (rest.length > 0) throw new Error(`after the second run: ${rest.join('; ')}`);
    if (second.exitCode !== 0) return second;
    return stack.run('up');
  },
});

describeSweep({ name: 'restart', from: 'up', command: () => ['restart'] });
