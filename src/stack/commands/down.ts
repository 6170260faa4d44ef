import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { newAction, type Action } from '../../plan/model/action.ts';
import { labelledEntrances } from '../../plan/model/host-ports.ts';
import { isOwn } from '../../plan/model/names.ts';
import {
  hostsElsewhere,
  networkGuests,
  planDown,
  type HostElsewhere,
  type Present,
} from '../../plan/engine/plan-down.ts';
import { absenceHint, absenceText } from '../../plan/engine/host-conflicts.ts';
import { proxiesOf } from '../../plan/engine/plan-proxy.ts';
import { observeEntrances } from '../observe/entrances.ts';
import type { Container, HostPort } from '../../plan/model/resources.ts';
import { execute } from '../execute/execute.ts';
import { performByName } from '../execute/engine-actions.ts';
import { whilePassing } from '../reconcile/passing.ts';
import type { LabelSession } from '../session/session.ts';
import { name as nameSchema } from '../../spec/schema.ts';
import { poll } from '../../poll.ts';
import { mediumOf } from '../session/open.ts';
import { lockStack } from '../session/stack-lock.ts';

export interface DownOptions {
  readonly withVolumes: boolean;
  /** Asked before data is deleted, with the names of the volumes. */
  readonly confirm: (volumes: readonly string[]) => Promise<boolean>;
  /** What to type for it: `down`, `down --name dev`. */
  readonly command: string;
  /** Where the proxy listens that the YAML file speaks of: its containers may be gone. */
  readonly entrances?: readonly HostPort[];
  /** The engine has a share of the stack: its network may be in use on other hosts, and only a manager can remove it. */
  readonly isShare?: boolean;
}

export interface DownResult {
  readonly actions: readonly Action[];
  /** Volumes that still hold the data. */
  readonly keptVolumes: readonly string[];
  /** Networks that stay for the sake of `networkGuests`. */
  readonly keptNetworks: readonly string[];
  /** Containers of others. */
  readonly networkGuests: readonly string[];
  /** Networks that stay for the sake of other hosts. */
  readonly sharedNetworks: readonly string[];
  /** Where more of the stack may be. */
  readonly elsewhere: readonly HostElsewhere[];
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
  { withVolumes, confirm, command, entrances = [], isShare = false }: DownOptions,
): Promise<DownResult> {
  const { engine } = session;
  const present = await readPresent(engine);
  const addresses = [...entrances, ...labelledEntrances(present.containers.filter(isOwn(stack)))];
  const proxies = proxiesOf(stack, await observeEntrances(addresses, engine.endpoint));
  const away = engine.away();
  const planned = planDown(stack, present, withVolumes, proxies);
  // Containers of a host that is away may still be on a network of all.
  const isNetworkFree = (host: string | undefined): boolean => !isShare && (host !== undefined || away.size === 0);
  const actions = planned.filter((one) => one.type !== 'remove network' || isNetworkFree(one.host));
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
      message: `${absenceText(away)}: what is there stays${actions.length < planned.length ? ', and so does the network' : ''}; all else of ${stack} is removed`,
      details: [...away.values()].map(({ message }) => message),
      hint: absenceHint(away, run(withVolumes ? `${command} --volumes` : command)),
    });
  }
  const kept = present.networks
    .filter(isOwn(stack))
    .map((network) => ({ name: network.name, guests: networkGuests(stack, network, present) }))
    .filter(({ guests }) => guests.length > 0);
  const shared = isShare ? present.networks.filter(isOwn(stack)).map(({ name }) => name) : [];
  const unused = shared.filter((name) => kept.every((one) => one.name !== name));
  const tried = await Promise.all(unused.map(async (name) => ({ name, isGone: await removeUnused(session, name) })));
  const gone = tried.filter(({ isGone }) => isGone).map(({ name }) => newAction('remove network', name, 'down'));
  return {
    actions: [...actions, ...gone],
    sharedNetworks: tried.filter(({ isGone }) => !isGone).map(({ name }) => name),
    elsewhere: isShare ? hostsElsewhere(stack, present) : [],
    keptVolumes: present.volumes
      .filter(isOwn(stack))
      .filter(({ name }) => !doomed.includes(name))
      .map(({ name }) => name),
    keptNetworks: kept.map(({ name }) => name),
    networkGuests: [...new Set(kept.flatMap(({ guests }) => guests))],
  };
}

/** The engine of a manager lets go of what was on it a moment later. */
const LET_GO_MS = 5000;

/** @returns whether it is removed: the engine knows who uses it on other hosts, and a worker can't */
async function removeUnused({ engine, signal }: LabelSession, network: string): Promise<boolean> {
  const attempt = async (): Promise<boolean> => {
    try {
      await engine.removeNetwork(network);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StackError) return false;
      throw error;
    }
  };
  return poll(attempt, (isGone) => isGone, { signal, timeoutMs: LET_GO_MS });
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
  return whileLocked(session, name, (locked, isShare) => down(locked, name, { ...options, isShare }));
}

/**
 * Keeps other commands from the stack meanwhile: where others may operate it from their machines, by a mark on the engine.
 *
 * @param work told whether the engine has only a share of the stack
 */
export async function whileLocked<T>(
  session: LabelSession,
  name: string,
  work: (session: LabelSession, isShare: boolean) => Promise<T>,
): Promise<T> {
  const isShare = hostsElsewhere(name, await readPresent(session.engine)).length > 0;
  const medium = await mediumOf(name, session.env, isShare ? session.engine : undefined);
  const lock = await lockStack({ ...session, spec: { name } }, 'down', medium);
  try {
    return await work({ ...session, confirmLock: lock.confirm }, isShare);
  } finally {
    await lock.release();
  }
}
