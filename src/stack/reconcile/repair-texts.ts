import { list, mendHint, type Finding } from '../../cluster/findings/finding.ts';
import { showBytes } from '../../cluster/keys/quoted.ts';
import { StackError } from '../../errors.ts';
import type { KeyConflict } from '../execute/execution.ts';
import { hint, run } from '../../hint.ts';

/** What is given up where the answer is yes. */
export function conflictText({ keeper, other, keys }: KeyConflict): string {
  const shown = 5;
  const names = list(keys.slice(0, shown).map(({ key }) => showBytes(key)));
  const more = keys.length > shown ? ', …' : '';
  const count = keys.length === 1 ? '1 key is' : `${keys.length} keys are`;
  return `! ${count} on ${keeper} and, with another value, on ${other} (${names}${more}): what ${other} has is overwritten`;
}

export function notConfirmed(losses: readonly string[]): StackError {
  return new StackError('CONFIRMATION_NEEDED', {
    message: 'what is left can only be repaired by giving up keys, and that was not confirmed',
    details: losses,
    hint: hint`${run('cluster fix --yes')}   # does it without asking`,
  });
}

export function stillWrong(findings: readonly Finding[], refusals: readonly string[]): StackError {
  const other = findings.find((finding) => finding.mend !== 'cluster fix');
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${findings.length === 1 ? 'one finding is' : `${findings.length} findings are`} left that can't be repaired here`,
    details: [...findings.map(({ text }) => text), ...refusals],
    hint: other === undefined ? run('cluster check') : mendHint(other),
  });
}
