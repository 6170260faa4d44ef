import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { Action } from '../../plan/model/action.ts';
import { labelledEntrances } from '../../plan/model/host-ports.ts';
import { isOwn } from '../../plan/model/names.ts';
import { networkGuests, planDown, type Present } from '../../plan/engine/plan-down.ts';
import { absenceText } from '../../plan/engine/host-conflicts.ts';
import { proxiesOf } from '../../plan/engine/plan-proxy.ts';
import { observeEntrances } from '../observe/entrances.ts';
import type { Container, HostPort } from '../../plan/model/resources.ts';
import { execute } from '../execute/execute.ts';
import { performByName } from '../execute/engine-actions.ts';
import { whilePassing } from '../reconcile/passing.ts';
import type { LabelSession } from '../session/session.ts';
import { name as nameSchema } from '../../spec/schema.ts';
import { lockStack } from '../session/stack-lock.ts';

export interface DownOptions {
  readonly withVolumes: boolean;
  /** Asked before data is deleted, with the names of the volumes. */
  readonly confirm: (volumes: readonly string[]) => Promise<boolean>;
  /** What to type for it: `down`, `down --name dev`. */
  readonly command: string;
  /** Where the proxy listens that the YAML file speaks of: its containers may be gone. */
  readonly entrances?: readonly HostPort[];
}

export interface DownResult {
  readonly actions: readonly Action[];
  /** Volumes that still hold the data. */
  readonly keptVolumes: readonly string[];
  /** Networks that stay for the sake of `networkGuests`. */
  readonly keptNetworks: readonly string[];
  /** Containers of others. */
  readonly networkGuests: readonly string[];
}

/**
 * Removes the stack's containers and network, all found by their label; data only `withVolumes`, and only after a yes.
 *
 * @throws StackError CONFIRMATION_NEEDED when the answer is no: nothing was changed.
 */
export function down(session: LabelSession, stack: string, options: DownOptions): Promise<DownResult> {
  // A person answers once, however many rounds it takes.
  let answer: Promise<boolean> | undefined;
  const confirmOnce = (volumes: readonly string[]): Promise<boolean> => (answer ??= options.confirm(volumes));
  return whilePassing(session, () => downOnce(session, stack, { ...options, confirm: confirmOnce }));
}

export async function readPresent(engine: Engine): Promise<Present> {
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers(),
    engine.listNetworks(),
    engine.listVolumes(),
  ]);
  return { containers, networks, volumes };
}

async function downOnce(
  session: LabelSession,
  stack: string,
  { withVolumes, confirm, command, entrances = [] }: DownOptions,
): Promise<DownResult> {
  const { engine } = session;
  const present = await readPresent(engine);
  const addresses = [...entrances, ...labelledEntrances(present.containers.filter(isOwn(stack)))];
  const proxies = proxiesOf(stack, await observeEntrances(addresses, engine.endpoint));
  const away = engine.away();
  const actions = planDown(stack, present, withVolumes, proxies).filter(
    // Containers of a host that is away may still be on it.
    ({ type }) => type !== 'remove network' || away.size === 0,
  );
  const doomed = actions.filter(({ destructive }) => destructive).map(({ target }) => target);
  rejectHeldVolumes(stack, doomed, present.containers, command);
  if (doomed.length > 0 && !(await confirm(doomed))) {
    throw new StackError('CONFIRMATION_NEEDED', {
      message: `deleting ${doomed.join(', ')} was not confirmed; nothing was changed`,
      hint: hint`${run(`${command} --volumes --yes`)}   # deletes the data without asking`,
    });
  }
  await execute(actions, (action) => performByName(session, action), session);
  if (away.size > 0) {
    throw new StackError('ENGINE_UNREACHABLE', {
      message: `${absenceText(away)}: what is there stays, and so does the network; all else of ${stack} is removed`,
      hint: hint`Start it, then: ${run(withVolumes ? `${command} --volumes` : command)}`,
    });
  }
  const kept = present.networks
    .filter(isOwn(stack))
    .map(({ name }) => ({ name, guests: networkGuests(stack, name, present) }))
    .filter(({ guests }) => guests.length > 0);
  return {
    actions,
    keptVolumes: present.volumes
      .filter(isOwn(stack))
      .filter(({ name }) => !doomed.includes(name))
      .map(({ name }) => name),
    keptNetworks: kept.map(({ name }) => name),
    networkGuests: [...new Set(kept.flatMap(({ guests }) => guests))],
  };
}

function rejectHeldVolumes(
  stack: string,
  doomed: readonly string[],
  containers: readonly Container[],
  command: string,
): void {
  for (const container of containers) {
    const { name, volumes } = container;
    const volume = volumes.find((one) => doomed.includes(one));
    if (volume === undefined || isOwn(stack)(container)) continue;
    throw new StackError('VOLUME_IN_USE', {
      message: `the volume ${volume} can't be deleted: the container ${name}, which is not of this stack, uses it; nothing was changed`,
      hint: hint`docker rm -f ${name}   # if nobody needs it, or: ${run(command)}, which keeps the data`,
    });
  }
}

/**
 * `down` for a stack of which only the name is known.
 *
 * @throws StackError USAGE for what can't be a stack's name; whatever `down` throws
 */
export async function downByName(session: LabelSession, name: string, options: DownOptions): Promise<DownResult> {
  // Before anything is asked: a name becomes part of a path.
  const result = nameSchema.safeParse(name);
  if (!result.success) {
    throw new StackError('USAGE', {
      message: `'${name}' can't be a stack: its name ${result.error.issues[0]?.message ?? 'is not valid'}`,
      hint: hint`Give the name at the top of the YAML file: ${run('down --name dev')}`,
    });
  }
  return whileLocked(session, name, () => down(session, name, options));
}

/** Keeps other commands from the stack meanwhile. */
export async function whileLocked<T>(session: LabelSession, name: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockStack({ ...session, spec: { name } }, 'down');
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
