import { showBytes } from '../../cluster/keys/quoted.ts';
import type { ImportResult } from '../../stack/commands/data/import.ts';
import type { Terminal } from '../core/terminal.ts';
import { countText } from './counts.ts';

/** The keys that were not copied because the cluster had keys of the same name, and what to do about it. */
export function showKept(
  { existingCount, existing }: Pick<ImportResult, 'existingCount' | 'existing'>,
  { stdout }: Terminal,
): void {
  if (existingCount === 0) return;
  const shown = existing.slice(0, 20);
  const count = countText(existingCount, 'key was', 'keys were');
  stdout.write(`${count} in the cluster already, and left as found:\n`);
  for (const key of shown) stdout.write(`    ${showBytes(key)}\n`);
  if (existingCount > shown.length) stdout.write(`    and ${existingCount - shown.length} more\n`);
  stdout.write('Next: the same command with --replace   # overwrites them\n');
}
