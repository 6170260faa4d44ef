import { countSlots } from '../../src/cluster/slots/slots.ts';
import { viewsOf } from '../helpers/moving-keys.ts';
import { describeSweep, spread } from '../helpers/sweep.ts';
import type { SweptStack } from '../helpers/swept-stack.ts';

const SLOTS = 6;
const OWNED_AT_FIRST = 5461;

/** What redis-1 has given to redis-2 comes back. */
async function bringBack({ stack }: SweptStack): Promise<void> {
  const first = (await viewsOf(stack)).find(({ name }) => name === 'redis-1');
  const missing = OWNED_AT_FIRST - countSlots(first?.table.myself.slots ?? []);
  if (missing === 0) return;
  await stack.must('cluster', 'reshard', '--from', 'redis-2', '--to', 'redis-1', '--slots', String(missing));
}

describeSweep({
  name: 'cluster reshard',
  from: 'up',
  prepare: bringBack,
  // A run that was stopped before its first slot, or after its last, has left nothing half-way: this one moves as many again.
  command: () => ['cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', String(SLOTS)],
});

const MOST_OF_MANY = 24;

/** What is done for each of thousands of slots is tried for some of them, all else at each call. */
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
