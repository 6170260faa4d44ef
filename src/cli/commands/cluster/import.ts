import { showBytes } from '../../../cluster/keys/quoted.ts';
import { StackError } from '../../../errors.ts';
import { painter } from '../../core/terminal.ts';
import type { Command, OptionValues } from '../../core/command.ts';
import { countText } from '../../views/counts.ts';
import { showKept } from '../../views/kept-keys.ts';

export const clusterImport: Command = {
  name: 'cluster import',
  changes: true,
  summary: 'copy every key of another Redis into this cluster; the other one is only read',
  options: [
    { flags: '--from <uri>', summary: 'redis://[user@]host:port[/database], or rediss:// for TLS' },
    {
      flags: '--password-file <file>',
      summary: 'holds its password, which may also be in REDIS_IMPORT_PASSWORD; in the URI, every process can see it',
    },
    { flags: '--ca <file>', summary: 'with rediss://, the authority (PEM) that its certificate is from' },
    { flags: '--replace', summary: 'overwrite keys of the same name; otherwise they are kept, and listed' },
  ],
  run: async ({ openSession, endProgress, options, terminal, json }) => {
    const from = textOf(options, 'from');
    if (from === undefined) {
      throw new StackError('USAGE', {
        message: 'no Redis is named to copy keys from',
        hint: 'npx tsx manage.ts cluster import --from redis://127.0.0.1:6379/0',
      });
    }
    const { parseSourceAddress } = await import('../../../stack/commands/data/source-address.ts');
    const address = parseSourceAddress(from);
    const session = await openSession();
    const { importKeys } = await import('../../../stack/commands/data/import.ts');
    const result = await importKeys(session, {
      address,
      passwordFile: textOf(options, 'passwordFile'),
      caFile: textOf(options, 'ca'),
      replace: options['replace'] === true,
    });
    endProgress();
    const { source, isClusterNode, copiedCount, existingCount, existing, vanishedCount, elapsedMs } = result;
    const isComplete = existingCount === 0;
    if (json) {
      const shown = {
        stack: session.spec.name,
        source,
        sourceIsClusterNode: isClusterNode,
        copied: copiedCount,
        existing: { count: existingCount, first: existing.map(showBytes) },
        vanished: vanishedCount,
        elapsedMs: Math.round(elapsedMs),
      };
      terminal.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      return isComplete ? 0 : 1;
    }
    const paint = painter(terminal.stdout, terminal.env);
    const vanished = vanishedCount === 0 ? '' : `, ${vanishedCount} gone before it could be copied`;
    terminal.stdout.write(
      `${isComplete ? paint('green', '✓') : paint('red', '✗')} ${countText(copiedCount, 'key')} of ${source} copied into ${session.spec.name}${vanished}, in ${(elapsedMs / 1000).toFixed(1)} s\n`,
    );
    if (isClusterNode) {
      terminal.stdout.write(
        `${paint('yellow', '!')} ${source} is a node of a cluster: only its own keys were copied. Run it for each of its primaries.\n`,
      );
    }
    showKept(result, terminal);
    return isComplete ? 0 : 1;
  },
};

function textOf(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
