import { setMaxListeners } from 'node:events';
import { withinBounds, type Bounds } from '../../bounds.ts';
import { errorMessage, StackError } from '../../errors.ts';
import { failed, skipped, type Check, type Heading, type Line } from './diagnosis.ts';
import { Unknown } from './fact.ts';

/** Things that are looked at together, and that fail together where they can't be. */
export interface CheckGroup {
  readonly heading: Heading;
  /** What a line is about that says why nothing could be looked at. */
  readonly subject: string;
  readonly look: () => Promise<readonly Line[]>;
}

/**
 * All of them side by side. Whatever ends one keeps no other from its answer, and none takes longer than `bounds`.
 *
 * @throws only what `bounds.signal` was aborted with
 */
export async function runChecks(groups: readonly CheckGroup[], bounds: Bounds): Promise<Check[]> {
  // Every check that is under way listens to it.
  setMaxListeners(0, bounds.signal);
  const checks = await Promise.all(
    groups.map(async (group): Promise<Check[]> => {
      const lines = await guarded(group, bounds);
      return lines.map((line) => ({ heading: group.heading, ...line }));
    }),
  );
  return checks.flat().filter(isNews);
}

/** Two checks may come upon one mistake, and then know the same remedy. */
function isNews({ subject, mend, state }: Check, index: number, all: readonly Check[]): boolean {
  if (state !== 'failed') return true;
  return !all.slice(0, index).some((one) => one.state === state && one.subject === subject && one.mend === mend);
}

async function guarded({ subject, look }: CheckGroup, bounds: Bounds): Promise<readonly Line[]> {
  try {
    return await withinBounds(look(), `the check of ${subject} was not done`, bounds);
  } catch (error) {
    bounds.signal.throwIfAborted();
    if (error instanceof Unknown) return [skipped(subject, error.message)];
    if (error instanceof StackError) {
      const { message, details, hint } = error;
      return [failed(subject, [message, ...details].join('\n'), hint ?? 'npx tsx manage.ts status')];
    }
    const text = `this check has a mistake of its own: ${errorMessage(error)}`;
    return [failed(subject, text, 'npx tsx manage.ts doctor --bundle doctor.tar.gz   # and report it')];
  }
}
