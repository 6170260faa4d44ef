import type { Command } from '../../core/command.ts';
import { bringUp } from '../up.ts';

export const clusterRemoveNode: Command = {
  name: 'cluster remove-node',
  operands: '<names...>',
  changes: true,
  summary: 'take nodes out of the YAML file: their slots move to the others first, then they go',
  run: async (invocation) => {
    const session = await invocation.openSession({ secret: true });
    const { removeFromFile } = await import('../../../stack/commands/cluster/edit-nodes.ts');
    return bringUp(invocation, await removeFromFile(session, invocation.operands));
  },
};
