import { painter } from '../../core/terminal.ts';
import type { Command } from '../../core/command.ts';
import { countText } from '../../views/counts.ts';
import { formatBytes } from '../../views/table.ts';

export const clusterBackup: Command = {
  name: 'cluster backup',
  operands: '<folder>',
  summary: 'save the keys of every primary, and who owns which slots, into a new folder',
  run: async ({ openSession, endProgress, operands: [folder = ''], terminal, json }) => {
    const session = await openSession();
    const { backUp } = await import('../../../stack/commands/data/backup.ts');
    const { manifest, elapsedMs, ...result } = await backUp(session, folder);
    endProgress();
    if (json) {
      const shown = { ...result, elapsedMs: Math.round(elapsedMs), ...manifest };
      terminal.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      return 0;
    }
    const keys = manifest.nodes.reduce((sum, node) => sum + node.keys, 0);
    const bytes = manifest.nodes.reduce((sum, node) => sum + node.bytes, 0);
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(
      `${mark} ${countText(manifest.nodes.length, 'primary', 'primaries')}, ${countText(keys, 'key')}, ${formatBytes(bytes)} in ${folder}, in ${(elapsedMs / 1000).toFixed(1)} s
  The files hold the data as it is: keep them as you keep the password.
  Next: npx tsx manage.ts cluster restore ${folder}   # into an empty cluster of any size\n`,
    );
    return 0;
  },
};
