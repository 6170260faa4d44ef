import { StackError } from '../../../errors.ts';
import type { GivenNode } from '../../../stack/commands/cluster/edit-nodes.ts';
import type { Command, OptionValues } from '../../core/command.ts';
import { bringUp } from '../up.ts';

export const clusterAddNode: Command = {
  name: 'cluster add-node',
  operands: '<names...>',
  changes: true,
  summary: 'write nodes into the YAML file and bring them up; slots move to them while clients go on',
  options: [
    { flags: '--ip <address>', summary: 'its address in the network (default: behind the highest)' },
    { flags: '--port <port>', summary: 'its plain port on this host (default: behind the highest)' },
    { flags: '--tls-port <port>', summary: 'its TLS port on this host' },
    { flags: '--bus-port <port>', summary: 'its bus port on this host' },
  ],
  run: async (invocation) => {
    const { openSession, operands, options } = invocation;
    const given = givenNode(options);
    if (operands.length > 1 && Object.keys(given).length > 0) {
      throw new StackError('USAGE', { message: 'an address or a port can only be given to one node' });
    }
    const session = await openSession({ secret: true });
    const { addToFile } = await import('../../../stack/commands/cluster/edit-nodes.ts');
    return bringUp(invocation, await addToFile(session, operands, given));
  },
};

function givenNode(options: OptionValues): GivenNode {
  const ip = options['ip'];
  const ports = { plain: options['port'], tls: options['tlsPort'], bus: options['busPort'] };
  return {
    ...(typeof ip === 'string' ? { ip } : {}),
    ...Object.fromEntries(
      Object.entries(ports).flatMap(([kind, text]) => (typeof text === 'string' ? [[kind, parsePort(text)]] : [])),
    ),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackError('USAGE', { message: `${text} is no port`, hint: 'A port is a number from 1 to 65535.' });
}
