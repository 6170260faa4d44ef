import { errorMessage, StackError } from '../../errors.ts';
import { isGone } from '../../host/owner.ts';
import { findOwners, findStaleStacks, type StaleStack } from '../../plan/engine/stale-stacks.ts';
import { name as nameSchema } from '../../spec/schema.ts';
import { down, readPresent, type DownOptions, type DownResult } from './down.ts';
import type { LabelSession } from '../session/session.ts';
import { isLocal } from '../observe/taken-ports.ts';
import { lockStack } from '../session/stack-lock.ts';

/**
 * `down` for a stack of which only the name is known.
 *
 * @throws StackError USAGE for what can't be a stack's name; whatever `down` throws
 */
export async function downByName(session: LabelSession, name: string, options: DownOptions): Promise<DownResult> {
  requireName(name);
  return whileLocked(session, name, () => down(session, name, options));
}

/** Throws before anything is asked: a name becomes part of a path. */
function requireName(name: string): void {
  const result = nameSchema.safeParse(name);
  if (result.success) return;
  throw new StackError('USAGE', {
    message: `'${name}' can't be a stack: its name ${result.error.issues[0]?.message ?? 'is not valid'}`,
    hint: 'Give the name at the top of the YAML file: npx tsx manage.ts down --name dev',
  });
}

export interface RemovedStack extends DownResult {
  readonly stack: string;
}

/**
 * Removes what dead runs have left: containers, networks and volumes of each stack whose owner has ended.
 *
 * @param confirm asked once for all of it, and not where there is nothing
 * @throws StackError CONFIRMATION_NEEDED when the answer is no: nothing was changed. With stacks that could not be removed,
 *   the code of the first, after all others were
 */
export async function downAllStale(
  session: LabelSession,
  confirm: (stacks: readonly StaleStack[]) => Promise<boolean>,
): Promise<RemovedStack[]> {
  const stale = await findStale(session);
  if (stale.length === 0) return [];
  if (!(await confirm(stale))) {
    throw new StackError('CONFIRMATION_NEEDED', {
      message: 'deleting what is left of dead runs was not confirmed; nothing was changed',
      details: stale.map(describeStale),
      hint: 'npx tsx manage.ts down --all-stale --yes   # deletes it, data included, without asking',
    });
  }
  const removed: RemovedStack[] = [];
  const failures: { readonly stack: string; readonly error: unknown }[] = [];
  for (const { name } of stale) {
    try {
      const result = await whileLocked(session, name, async () => {
        // Somebody may have brought up one of the same name since it was looked.
        const isStill = (await findStale(session)).some((one) => one.name === name);
        return isStill ? downWithData(session, name) : undefined;
      });
      if (result !== undefined) removed.push({ stack: name, ...result });
    } catch (error) {
      session.signal.throwIfAborted();
      failures.push({ stack: name, error });
    }
  }
  const [first] = failures;
  if (first === undefined) return removed;
  if (!(first.error instanceof StackError)) throw first.error;
  throw new StackError(first.error.code, {
    message: `${failures.length} of ${stale.length} stale stacks could not be removed`,
    details: failures.map(({ stack, error }) => `${stack}: ${errorMessage(error)}`),
    hint: first.error.hint ?? 'npx tsx manage.ts down --all-stale   # goes on with the rest',
  });
}

/** `t-1: 3 containers, 1 network, 3 volumes` */
export function describeStale({ name, containers, networks, volumes }: StaleStack): string {
  const counts = [
    [containers.length, 'container'],
    [networks.length, 'network'],
    [volumes.length, 'volume'],
  ] as const;
  const texts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}${count > 1 ? 's' : ''}`);
  return `${name}: ${texts.join(', ')}`;
}

async function findStale({ engine }: LabelSession): Promise<StaleStack[]> {
  const present = await readPresent(engine);
  const owners = findOwners(present);
  const gone = await Promise.all(owners.map((owner) => isGone(owner, { isHere: isLocal(engine.endpoint) })));
  return (
    findStaleStacks(present, new Set(owners.filter((_owner, index) => gone[index])))
      // Not the label of a stack of this program's, whoever wrote it.
      .filter(({ name }) => nameSchema.safeParse(name).success)
  );
}

function downWithData(session: LabelSession, name: string): Promise<DownResult> {
  return down(session, name, { withVolumes: true, confirm: async () => true, command: `down --name ${name}` });
}

async function whileLocked<T>(session: LabelSession, name: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockStack({ ...session, spec: { name } }, 'down');
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
