import { showBytes } from '../../cluster/quoted.ts';
import type { ImportResult } from '../../stack/import.ts';
import type { Terminal } from '../terminal.ts';

/** The keys that were not copied because the cluster had keys of the same name, and what to do about it. */
export function showKept(
  { existingCount, existing }: Pick<ImportResult, 'existingCount' | 'existing'>,
  { stdout }: Terminal,
): void {
  if (existingCount === 0) return;
  const shown = existing.slice(0, 20);
  stdout.write(
    `${existingCount.toLocaleString('en-US')} keys were in the cluster already, and were left as they are:\n`,
  );
  for (const key of shown) stdout.write(`    ${showBytes(key)}\n`);
  if (existingCount > shown.length) stdout.write(`    and ${existingCount - shown.length} more\n`);
  stdout.write('Next: the same command with --replace   # overwrites them\n');
}
