import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { errorMessage, StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { fateOf, heldSince } from '../../host/owner.ts';
import { LABELS } from '../../plan/model/names.ts';
import { findOwners, findStaleStacks, type Present, type StaleStack } from '../../plan/engine/plan-down.ts';
import { name as nameSchema } from '../../spec/schema.ts';
import { OWNER_FILE, stateFolder } from '../../user-folders.ts';
import { isLocal } from '../connect/host-address.ts';
import type { LabelSession } from '../session/session.ts';
import { down, readPresent, whileLocked, type DownResult } from './down.ts';

interface RemovedStack extends DownResult {
  readonly stack: string;
}

const WITH_DATA = { withVolumes: true, confirm: async () => true };

/**
 * Removes what dead runs have left: containers, networks and volumes of each stack whose owner has ended.
 *
 * @param confirm asked once for all of it, and not where there is nothing
 * @param isOnlyIsolated not what a person's stack file describes, although it was made for a process that has ended
 * @throws StackError CONFIRMATION_NEEDED when the answer is no: nothing was changed. With stacks that could not be removed,
 *   the code of the first, after all others were
 */
export async function downAllStale(
  session: LabelSession,
  confirm: (stacks: readonly StaleStack[]) => Promise<boolean>,
  { isOnlyIsolated = false }: { readonly isOnlyIsolated?: boolean } = {},
): Promise<RemovedStack[]> {
  const isMeant = ({ owners }: StaleStack): boolean =>
    !isOnlyIsolated || owners.every((owner) => heldSince(owner) !== undefined);
  const stale = (await findStale(session)).filter(isMeant);
  if (stale.length > 0 && !(await confirm(stale))) {
    throw new StackError('CONFIRMATION_NEEDED', {
      message: 'deleting what is left of dead runs was not confirmed; nothing was changed',
      details: stale.map(describeStale),
      hint: hint`${run('down --all-stale --yes')}   # deletes it, data included, without asking`,
    });
  }
  const removed: RemovedStack[] = [];
  const failures: { readonly stack: string; readonly error: unknown }[] = [];
  for (const { name } of stale) {
    try {
      const result = await whileLocked(session, name, async (locked, isShare) => {
        // Somebody may have brought up one of the same name since it was looked.
        const isStill = (await findStale(session)).some((one) => one.name === name);
        return isStill ? down(locked, name, { ...WITH_DATA, command: `down --name ${name}`, isShare }) : undefined;
      });
      if (result !== undefined) removed.push({ stack: name, ...result });
      await removeEmptyFolder(stateFolder(name, session.env));
    } catch (error) {
      session.signal.throwIfAborted();
      failures.push({ stack: name, error });
    }
  }
  await sweepFolders(session);
  const [first] = failures;
  if (first === undefined) return removed;
  if (!(first.error instanceof StackError)) throw first.error;
  throw new StackError(first.error.code, {
    message: `${failures.length} of ${stale.length} stale stacks could not be removed`,
    details: failures.map(({ stack, error }) => `${stack}: ${errorMessage(error)}`),
    hint: first.error.hint ?? hint`${run('down --all-stale')}   # goes on with the rest`,
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
  const gone = await Promise.all(owners.map((owner) => isGone(engine, present, owner)));
  return (
    findStaleStacks(present, new Set(owners.filter((_owner, index) => gone[index])))
      // Not the label of a stack of this program's, whoever wrote it.
      .filter(({ name }) => nameSchema.safeParse(name).success)
  );
}

/** Time for an owner to take hold of what it has just made. */
const UNHELD_MS = 5 * 60_000;

/** Where its process can't be seen from here, it is known by its hold on one of its containers, if it says that it has one. */
async function isGone(engine: Engine, { containers }: Present, owner: string): Promise<boolean> {
  const fate = await fateOf(owner, { isHere: isLocal(engine.endpoint) });
  const since = heldSince(owner);
  if (fate !== 'unseen' || since === undefined) return fate === 'gone';
  if (Date.now() - since < UNHELD_MS) return false;
  const own = containers.filter(({ labels, state }) => labels[LABELS.owner] === owner && state === 'running');
  const held = await Promise.all(own.map(({ name }) => engine.isHeld(name)));
  return !held.includes(true);
}

/** Files of clusters whose owner has ended, and of which nothing is left on the engine. */
async function sweepFolders({ engine, env }: LabelSession): Promise<void> {
  const root = stateFolder('', env);
  const names = await readdir(root).catch(() => []);
  const present = await readPresent(engine);
  const kept = new Set(Object.values(present).flatMap((things: readonly Labelled[]) => things.map(stackOf)));
  for (const name of names.filter((one) => !kept.has(one))) {
    const owner = await readFile(join(root, name, OWNER_FILE), 'utf8').catch(() => undefined);
    // Without its things it can't be told when somebody is about to begin.
    if (owner === undefined || (await fateOf(owner)) !== 'gone') continue;
    await rm(join(root, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Where nothing was but the lock. */
async function removeEmptyFolder(folder: string): Promise<void> {
  for (const path of [join(folder, 'locks'), folder]) await rmdir(path).catch(() => undefined);
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

function stackOf({ labels }: Labelled): string | undefined {
  return labels[LABELS.stack];
}
