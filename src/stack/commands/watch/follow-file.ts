import { isDeepStrictEqual } from 'node:util';
import { hasCode } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import type { Upkeep } from '../../../plan/scene.ts';
import { loadStack, type LoadedStack } from '../../session/load.ts';
import type { Report, Session } from '../../session/session.ts';
import { plan } from '../plan.ts';

/** What was made, by which file, and how far it may be brought back unasked. */
interface Followed {
  readonly session: Session;
  readonly upkeep: Upkeep;
}

/** How often it is looked whether an `up` has applied the file meanwhile. */
const APPLIED_EVERY_MS = 15_000;

/**
 * A YAML file that is edited is applied by `up`, and by nobody else. Until then what was made from it before is what is
 * watched over, and no more of it than starts: another `up` may have been half-way to the new one.
 *
 * @param first of the file as it was applied
 * @param open opens the stack as the file is now
 */
export async function followFile(
  first: Session,
  open: () => Promise<Session>,
  report: Report,
): Promise<() => Promise<Followed>> {
  let session = first;
  let applied: LoadedStack = await loadStack(first.path);
  let refusal: string | undefined;
  let next: { readonly file: LoadedStack; readonly session: Session; lookAt: number; isTold: boolean } | undefined;

  const readFile = async (): Promise<LoadedStack | undefined> => {
    try {
      const file = await loadStack(first.path);
      refusal = undefined;
      return file;
    } catch (error) {
      if (!hasCode(error, 'SPEC_INVALID')) throw error;
      const text = [error.message, ...error.details].join('; ');
      if (text !== refusal) report({ subject: 'YAML file', state: 'warning', text });
      refusal = text;
      return undefined;
    }
  };
  return async () => {
    const file = await readFile();
    if (file === undefined || isSame(file, applied)) {
      next = undefined;
      return { session, upkeep: 'all' };
    }
    if (next === undefined || !isSame(file, next.file))
      next = { file, session: await open(), lookAt: 0, isTold: false };
    if (performance.now() < next.lookAt) return { session, upkeep: 'starts' };
    if (!(await isApplied(next.session))) {
      next.lookAt = performance.now() + APPLIED_EVERY_MS;
      const text = 'has changed: until that is applied, nodes are started, and nothing else is done';
      if (!next.isTold) report({ subject: 'YAML file', state: 'warning', text, hint: hint`To apply it: ${run('up')}` });
      next.isTold = true;
      return { session, upkeep: 'starts' };
    }
    ({ file: applied, session } = next);
    next = undefined;
    report({ subject: 'YAML file', state: 'done', text: 'applied as it is now' });
    return { session, upkeep: 'all' };
  };
}

function isSame(one: LoadedStack, other: LoadedStack): boolean {
  return isDeepStrictEqual([one.spec, one.userConf], [other.spec, other.userConf]);
}

async function isApplied(session: Session): Promise<boolean> {
  const { actions, later, conflicts, waitsFor, pulls } = await plan(session);
  const left = actions.length + later.length + conflicts.length + waitsFor.length;
  // Of what is away nobody knows.
  return left === 0 && pulls === undefined && session.engine.away().size === 0;
}
