import { StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import { loadStack } from '../../../stack/session/load.ts';
import { stackFile } from '../../../stack/session/stack-file.ts';
import { countText } from '../../../units.ts';
import type { Command } from '../../core/command.ts';

export const accessNames: Command = {
  name: 'access names',
  summary: 'show whether this host finds the nodes by name; write their names into its hosts file',
  options: {
    '--install': 'after asking, and with sudo where it has to be',
    '--remove': 'take them out again',
  },
  // Nothing but the YAML file is needed: names are taken out with no engine there.
  run: async ({ options, connection, confirm, endProgress }) => {
    const [isInstall, isRemoval] = [options['install'] === true, options['remove'] === true];
    if (isInstall && isRemoval) {
      throw new StackError('USAGE', {
        message: '--install and --remove exclude each other',
        hint: run('access names --install'),
      });
    }
    const { spec } = await loadStack(stackFile(connection));
    const { installNames, readNames, removeNames } = await import('../../../stack/commands/names.ts');
    endProgress();
    const work = isInstall ? installNames : isRemoval ? removeNames : undefined;
    const isChanged = await work?.(spec, confirm);
    const { file, names, unresolved, missingAliases } = await readNames(spec);
    const isThere = unresolved.length + missingAliases.length === 0;
    return {
      data: { stack: spec.name, access: spec.access, file, names, isThere, ...(work && { changed: isChanged }) },
      show: ({ good, line, next }) => {
        const count = countText(names.length, 'name');
        if (work !== undefined) {
          const text = isRemoval ? `${file} has no names of ${spec.name}` : `${file} leads to ${count} of ${spec.name}`;
          good(`${text}${isChanged === true ? '' : ': nothing to do'}`);
          return;
        }
        for (const { name, address } of names) line(`${address} ${name}`);
        for (const address of missingAliases) line(`ifconfig lo0 alias ${address}`);
        line();
        if (isThere) good(`${file} leads to all of them`);
        else if (spec.access === 'names') next(run('access names --install'));
        else
          line(
            `access is ${spec.access} in the YAML file: the nodes announce addresses, and nobody needs these names.`,
          );
      },
    };
  },
};
