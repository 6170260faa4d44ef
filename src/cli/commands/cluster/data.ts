import { showBytes } from '../../../cluster/keys/quoted.ts';
import { StackError } from '../../../errors.ts';
import { hint, quoted, run } from '../../../hint.ts';
import type { ImportResult } from '../../../stack/commands/data/import.ts';
import { bytesText, countText, durationText } from '../../../units.ts';
import { textOf, timed, type Command } from '../../core/command.ts';
import type { Screen } from '../../core/output.ts';

export const clusterBackup: Command = {
  name: 'cluster backup',
  operands: '<folder>',
  isReport: true,
  summary: 'save the keys of every primary, and who owns which slots, into a new folder',
  run: async ({ openSession, operands: [folder = ''] }) => {
    const session = await openSession();
    const { backUp } = await import('../../../stack/commands/data/backup.ts');
    const { result, elapsedMs } = await timed(() => backUp(session, folder));
    const { manifest } = result;
    const { nodes } = manifest;
    const keyCount = nodes.reduce((sum, { keys }) => sum + keys, 0);
    const byteCount = nodes.reduce((sum, { bytes }) => sum + bytes, 0);
    const primaries = countText(nodes.length, 'primary', 'primaries');
    return {
      data: { folder: result.folder, elapsedMs, ...manifest },
      show: ({ good, line, next }) => {
        const saved = `${primaries}, ${countText(keyCount, 'key')}, ${bytesText(byteCount)}`;
        good(`${saved} in ${folder}, in ${durationText(elapsedMs)}`);
        line('  The files hold the data as it is: keep them as you keep the password.');
        next(hint`${run(`cluster restore ${quoted(folder)}`)}   # into an empty cluster of any size`);
      },
    };
  },
};

export const clusterRestore: Command = {
  name: 'cluster restore',
  operands: '<folder>',
  changes: true,
  summary: 'copy the keys and functions of a backup into this cluster, whatever its size',
  options: {
    '--replace': 'also into a cluster that holds keys: those of the same name are overwritten',
  },
  run: async ({ openSession, operands: [folder = ''], options }) => {
    const session = await openSession();
    const { restoreBackup } = await import('../../../stack/commands/data/restore.ts');
    const replace = options['replace'] === true;
    const { result, elapsedMs } = await timed(() => restoreBackup(session, folder, { replace }));
    const { copiedCount, expiredCount, functionLibraryCount } = result;
    const { takenAt } = result.manifest;
    const isComplete = result.existingCount === 0;
    return {
      data: {
        stack: session.spec.name,
        folder: result.folder,
        takenAt,
        copied: copiedCount,
        expired: expiredCount,
        existing: keptAsJson(result),
        functionLibraries: functionLibraryCount,
        elapsedMs,
      },
      show: (screen) => {
        const parts = [
          `${countText(copiedCount, 'key')} of ${folder}, taken at ${takenAt}`,
          ...(functionLibraryCount === 0
            ? []
            : [countText(functionLibraryCount, 'function library', 'function libraries')]),
          ...(expiredCount === 0 ? [] : [`${countText(expiredCount, 'key')} expired since`]),
          `in ${durationText(elapsedMs)}`,
        ];
        (isComplete ? screen.good : screen.bad)(parts.join(', '));
        showKept(result, screen);
      },
      exitCode: isComplete ? 0 : 1,
    };
  },
};

export const clusterImport: Command = {
  name: 'cluster import',
  changes: true,
  summary: 'copy every key of another Redis into this cluster; the other one is only read',
  options: {
    '--from <uri>': 'redis://[user@]host:port[/database], or rediss:// for TLS',
    '--password-file <file>':
      'holds its password, which may also be in REDIS_IMPORT_PASSWORD; in the URI, every process can see it',
    '--ca <file>': 'with rediss://, the authority (PEM) that its certificate is from',
    '--replace': 'overwrite keys of the same name; otherwise they are kept, and listed',
  },
  run: async ({ openSession, options }) => {
    const from = textOf(options, 'from');
    if (from === undefined) {
      throw new StackError('USAGE', {
        message: 'no Redis is named to copy keys from',
        hint: run('cluster import --from redis://127.0.0.1:6379/0'),
      });
    }
    const { parseSourceAddress } = await import('../../../stack/commands/data/source-address.ts');
    const address = parseSourceAddress(from);
    const session = await openSession();
    const { importKeys } = await import('../../../stack/commands/data/import.ts');
    const files = { passwordFile: textOf(options, 'passwordFile'), caFile: textOf(options, 'ca') };
    const replace = options['replace'] === true;
    const { result, elapsedMs } = await timed(() => importKeys(session, { address, ...files, replace }));
    const { source, isClusterNode, copiedCount, existingCount, vanishedCount } = result;
    const stack = session.spec.name;
    const isComplete = existingCount === 0;
    return {
      data: {
        stack,
        source,
        sourceIsClusterNode: isClusterNode,
        copied: copiedCount,
        existing: keptAsJson(result),
        vanished: vanishedCount,
        elapsedMs,
      },
      show: (screen) => {
        const vanished = vanishedCount === 0 ? '' : `, ${vanishedCount} gone before it could be copied`;
        const copied = `${countText(copiedCount, 'key')} of ${source} copied into ${stack}${vanished}`;
        (isComplete ? screen.good : screen.bad)(`${copied}, in ${durationText(elapsedMs)}`);
        if (isClusterNode) {
          screen.warn(
            `${source} is a node of a cluster: only its own keys were copied. Run it for each of its primaries.`,
          );
        }
        showKept(result, screen);
      },
      exitCode: isComplete ? 0 : 1,
    };
  },
};

type KeptKeys = Pick<ImportResult, 'existingCount' | 'existing'>;

/** The keys that were not copied because the cluster had keys of the same name, and what to do about it. */
function showKept({ existingCount, existing }: KeptKeys, { line, next }: Screen): void {
  if (existingCount === 0) return;
  const shown = existing.slice(0, 20);
  line(`${countText(existingCount, 'key was', 'keys were')} in the cluster already, and left as found:`);
  for (const key of shown) line(`    ${showBytes(key)}`);
  if (existingCount > shown.length) line(`    and ${existingCount - shown.length} more`);
  next('the same command with --replace   # overwrites them');
}

function keptAsJson({ existingCount, existing }: KeptKeys): object {
  return { count: existingCount, first: existing.map(showBytes) };
}
