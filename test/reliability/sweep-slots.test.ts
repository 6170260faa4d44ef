import { keySlot } from '../../src/cluster/key-slot.ts';
import { specOf } from '../helpers/stack-trouble.ts';
import { describeSweep, spread } from '../helpers/sweep.ts';
import type { SweptStack } from '../helpers/swept-stack.ts';
import { clientsOf } from '../helpers/key-values.ts';
import { parseNodeTable } from '../../src/cluster/node-table.ts';
import { countSlots } from '../../src/cluster/slots.ts';

const SLOTS = 6;
const MOST_OF_MANY = 24;

/** What a move does for each of thousands of slots is tried for some of them, all else at each call. */
function someOfMany(calls: readonly string[]): number[] {
  const points = calls.map((_, index) => index + 1);
  const isOfMany = (point: number): boolean => /SETSLOT|migrate/i.test(calls[point - 1] ?? '');
  const chosen = [...points.filter((point) => !isOfMany(point)), ...spread(points.filter(isOfMany), MOST_OF_MANY)];
  return chosen.toSorted((one, other) => one - other);
}

describeSweep({
  name: 'cluster add-node',
  from: 'up',
  anew: true,
  command: ({ morePorts: [plain, tls, bus] }) => {
    const ports = ['--port', String(plain), '--tls-port', String(tls), '--bus-port', String(bus)];
    return ['cluster', 'add-node', 'redis-4', ...ports];
  },
  choose: someOfMany,
});
