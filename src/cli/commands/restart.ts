import { timed, type Command } from '../core/command.ts';
import { nodesAsJson } from '../views/cluster.ts';
import { durationText } from '../../units.ts';

export const restart: Command = {
  name: 'restart',
  operands: '[nodes...]',
  changes: true,
  summary: 'restart the named nodes, or all, and wait for the cluster; every key stays',
  options: { '--rolling': 'one at a time; a primary hands over to a replica first' },
  run: async ({ openSession, operands, options }) => {
    const session = await openSession();
    const { restart: restartNodes } = await import('../../stack/commands/restart.ts');
    const isRolling = options['rolling'] === true;
    const { result: views, elapsedMs } = await timed(() => restartNodes(session, operands, { isRolling }));
    const { name } = session.spec;
    const what = operands.length === 0 ? name : operands.join(', ');
    return {
      data: { stack: name, elapsedMs, nodes: nodesAsJson(session, views) },
      show: ({ good }) => good(`${what} restarted, cluster_state:ok, in ${durationText(elapsedMs)}`),
    };
  },
};
