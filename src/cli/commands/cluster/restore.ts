import { showBytes } from '../../../cluster/keys/quoted.ts';
import { painter } from '../../core/terminal.ts';
import type { Command } from '../../core/command.ts';
import { countText } from '../../views/counts.ts';
import { showKept } from '../../views/kept-keys.ts';

export const clusterRestore: Command = {
  name: 'cluster restore',
  operands: '<folder>',
  changes: true,
  summary: 'copy the keys and functions of a backup into this cluster, whatever its size',
  options: [
    { flags: '--replace', summary: 'also into a cluster that holds keys: those of the same name are overwritten' },
  ],
  run: async ({ openSession, endProgress, operands: [folder = ''], options, terminal, json }) => {
    const session = await openSession();
    const { restoreBackup } = await import('../../../stack/commands/data/restore.ts');
    const result = await restoreBackup(session, folder, { replace: options['replace'] === true });
    endProgress();
    const { manifest, copiedCount, expiredCount, existingCount, functionLibraryCount, elapsedMs } = result;
    const isComplete = existingCount === 0;
    if (json) {
      const shown = {
        stack: session.spec.name,
        folder: result.folder,
        takenAt: manifest.takenAt,
        copied: copiedCount,
        expired: expiredCount,
        existing: { count: existingCount, first: result.existing.map(showBytes) },
        functionLibraries: functionLibraryCount,
        elapsedMs: Math.round(elapsedMs),
      };
      terminal.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      return isComplete ? 0 : 1;
    }
    const paint = painter(terminal.stdout, terminal.env);
    const extras = [
      functionLibraryCount === 0
        ? ''
        : `, ${countText(functionLibraryCount, 'function library', 'function libraries')}`,
      expiredCount === 0 ? '' : `, ${countText(expiredCount, 'key')} expired since`,
    ];
    terminal.stdout.write(
      `${isComplete ? paint('green', '✓') : paint('red', '✗')} ${countText(copiedCount, 'key')} of ${folder}, taken at ${manifest.takenAt}${extras.join('')}, in ${(elapsedMs / 1000).toFixed(1)} s\n`,
    );
    showKept(result, terminal);
    return isComplete ? 0 : 1;
  },
};
