import { run } from '../../hint.ts';
import { primariesOf } from '../../spec/spec.ts';
import { name as validName } from '../../spec/schema.ts';
import { parseBlock } from '../../spec/addresses.ts';
import { namedFile, STACK_FILE } from '../../stack/session/stack-file.ts';
import { countText } from '../../units.ts';
import { textOf, wrongValue, type Command, type OptionValues } from '../core/command.ts';

const PORTS = 65_535;

export const init: Command = {
  name: 'init',
  summary: `write ${STACK_FILE}, a new stack, into the current folder`,
  options: {
    '--name <name>': "prefix of all that is made (default: from the folder's name)",
    '--nodes <count>': 'primaries: 3 nodes in all, or 6 with --replicas 1 (default: 3)',
    '--replicas <count>': 'of each primary: 0 or 1 (default: 0)',
    '--ports <from>': "the first of the host's ports, two a node (default: 6379)",
    '--subnet <subnet>': 'of the network, like 172.20.0.0/16 (default: one of 10.0.0.0/8, from the name)',
  },
  run: async ({ options, connection }) => {
    const name = textOf(options, 'name');
    if (name !== undefined && !validName.safeParse(name).success) {
      throw wrongValue('--name', 'lower case letters, digits and -, a letter first, 31 at most', name);
    }
    const subnet = textOf(options, 'subnet');
    if (subnet !== undefined && parseBlock(subnet) === undefined) {
      throw wrongValue('--subnet', 'an IPv4 subnet like 172.20.0.0/16', subnet);
    }
    const replicas = wholeNumber(options, 'replicas', { least: 0, most: 1, usual: 0 });
    const primaries = wholeNumber(options, 'nodes', { least: 3, most: 1000 / (1 + replicas), usual: 3 });
    const most = PORTS + 1 - 2 * primaries * (1 + replicas);
    const firstPort = wholeNumber(options, 'ports', { least: 1, most, usual: 6379 });
    const { init: writeStack } = await import('../../stack/commands/init.ts');
    const file = namedFile(connection) ?? STACK_FILE;
    const { spec, path } = await writeStack(file, { name, subnet, replicas, primaries, firstPort });
    return {
      data: { file: path, stack: spec.name, nodes: spec.nodes.map((node) => node.name) },
      show: ({ good, line, paint, renderHint }) => {
        const shape = `${countText(primariesOf(spec).length, 'primary', 'primaries')}, ${countText(spec.nodes.length, 'node')}`;
        good(`${paint('bold', file)}: ${spec.name}, ${shape}, ${spec.network.subnet.text}`);
        line(`\nNext: ${renderHint(run('up'))}    # create it, and verify it`);
      },
    };
  },
};

function wholeNumber(
  options: OptionValues,
  name: string,
  { least, most, usual }: { readonly least: number; readonly most: number; readonly usual: number },
): number {
  const text = textOf(options, name);
  if (text === undefined) return usual;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrongValue(`--${name}`, `a whole number from ${least} to ${most}`, text);
}
