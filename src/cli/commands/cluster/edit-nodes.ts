import { StackError } from '../../../errors.ts';
import type { GivenNode } from '../../../stack/commands/cluster/edit-nodes.ts';
import { textOf, type Command, type OptionValues } from '../../core/command.ts';
import { bringUp } from '../up.ts';

export const clusterAddNode: Command = {
  name: 'cluster add-node',
  operands: '<names...>',
  changes: true,
  summary: 'write nodes into the YAML file and bring them up; slots move to them while clients go on',
  options: {
    '--ip <address>': 'its address in the network (default: behind the highest)',
    '--port <port>': 'its plain port on this host (default: behind the highest)',
    '--tls-port <port>': 'its TLS port on this host',
    '--bus-port <port>': 'its bus port on this host (default: none; with announce: host, behind the highest)',
    '--on <host>': "which of the YAML file's hosts it is to run on (default: the one with the fewest nodes)",
  },
  run: async ({ openSession, operands, options }) => {
    const given = givenNode(options);
    if (operands.length > 1 && Object.keys(given).length > 0) {
      throw new StackError('USAGE', { message: 'an address, a port or a host can only be given to one node' });
    }
    const session = await openSession({ secret: true });
    const { addToFile } = await import('../../../stack/commands/cluster/edit-nodes.ts');
    return bringUp(await addToFile(session, operands, given));
  },
};

export const clusterRemoveNode: Command = {
  name: 'cluster remove-node',
  operands: '<nodes...>',
  changes: true,
  summary: 'take nodes out of the YAML file: their slots move to the others first, then they go',
  run: async ({ openSession, operands }) => {
    const session = await openSession({ secret: true });
    const { removeFromFile } = await import('../../../stack/commands/cluster/edit-nodes.ts');
    return bringUp(await removeFromFile(session, operands));
  },
};

function givenNode(options: OptionValues): GivenNode {
  const [ip, host] = [textOf(options, 'ip'), textOf(options, 'on')];
  const ports = { plain: 'port', tls: 'tlsPort', bus: 'busPort' };
  const given = Object.entries(ports).flatMap(([kind, option]) => {
    const text = textOf(options, option);
    return text === undefined ? [] : [[kind, parsePort(text)]];
  });
  return { ...(ip !== undefined && { ip }), ...(host !== undefined && { host }), ...Object.fromEntries(given) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackError('USAGE', { message: `${text} is no port`, hint: 'A port is a number from 1 to 65535.' });
}
