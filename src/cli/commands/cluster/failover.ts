import { countSlots } from '../../../cluster/slots/slots.ts';
import { StackError } from '../../../errors.ts';
import type { Command } from '../../core/command.ts';
import { painter } from '../../core/terminal.ts';

export const clusterFailover: Command = {
  name: 'cluster failover',
  operands: '<replica>',
  changes: true,
  summary: 'make a replica the primary; without an option no write is lost',
  options: [
    { flags: '--force', summary: 'where the primary is down: what the replica has not received yet is lost' },
    { flags: '--takeover', summary: 'also without the votes of the other primaries, where most of them are down' },
  ],
  run: async ({ openSession, operands: [replica = ''], options, endProgress, terminal, json }) => {
    const [isForced, isTakeover] = [options['force'] === true, options['takeover'] === true];
    if (isForced && isTakeover) {
      throw new StackError('USAGE', {
        message: '--force and --takeover exclude each other',
        hint: `npx tsx manage.ts cluster failover ${replica} --force`,
      });
    }
    const session = await openSession();
    const { failover } = await import('../../../stack/execute/failover.ts');
    const start = performance.now();
    const mode = isForced ? 'force' : isTakeover ? 'takeover' : 'manual';
    const { node, formerPrimary, isFollowing, slots } = await failover(session, replica, mode);
    const elapsedMs = Math.round(performance.now() - start);
    endProgress();
    if (json) {
      const result = { stack: session.spec.name, node, formerPrimary, isFollowing, slots, mode, elapsedMs };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    const former = isFollowing ? `${formerPrimary} follows it` : `${formerPrimary} does not answer`;
    terminal.stdout.write(
      `${mark} ${node} is the primary of ${countSlots(slots)} slots, ${former}, in ${(elapsedMs / 1000).toFixed(2)} s\n`,
    );
    return 0;
  },
};
