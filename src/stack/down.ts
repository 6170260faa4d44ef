import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { isOwn } from '../plan/names.ts';
import { networkGuests, planDown } from '../plan/plan-down.ts';
import type { Container } from '../plan/resources.ts';
import { execute } from './execute.ts';
import { performOnEngine } from './perform.ts';
import { inRounds } from './rounds.ts';
import type { Session } from './session.ts';

export interface DownOptions {
  readonly withVolumes: boolean;
  /** Asked before data is deleted, with the names of the volumes. */
  readonly confirm: (volumes: readonly string[]) => Promise<boolean>;
}

export interface DownResult {
  readonly actions: readonly Action[];
  /** Volumes that still hold the data. */
  readonly keptVolumes: readonly string[];
  /** Containers of others for whose sake the network stays. */
  readonly networkGuests: readonly string[];
}

/**
 * Removes the stack's containers and network; data only `withVolumes`, and only after a yes.
 *
 * @throws StackError CONFIRMATION_NEEDED when the answer is no: nothing was changed.
 */
export function down(session: Session, { withVolumes, confirm }: DownOptions): Promise<DownResult> {
  // A person answers once, however many rounds it takes.
  let answer: Promise<boolean> | undefined;
  const confirmOnce = (volumes: readonly string[]): Promise<boolean> => (answer ??= confirm(volumes));
  return inRounds(session, () => downOnce(session, { withVolumes, confirm: confirmOnce }));
}

async function downOnce(session: Session, { withVolumes, confirm }: DownOptions): Promise<DownResult> {
  const { engine, spec } = session;
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers(),
    engine.listNetworks(),
    engine.listVolumes(),
  ]);
  const present = { containers, networks, volumes };
  const actions = planDown(spec.name, present, withVolumes);
  const doomed = actions.filter(({ destructive }) => destructive).map(({ target }) => target);
  rejectHeldVolumes(spec.name, doomed, containers);
  if (doomed.length > 0 && !(await confirm(doomed))) {
    throw new StackError('CONFIRMATION_NEEDED', {
      message: `deleting ${doomed.join(', ')} was not confirmed; nothing was changed`,
      hint: 'npx tsx manage.ts down --volumes --yes   # deletes the data without asking',
    });
  }
  await execute(actions, (action) => performOnEngine(engine, action), session);
  return {
    actions,
    keptVolumes: volumes
      .filter(isOwn(spec.name))
      .filter(({ name }) => !doomed.includes(name))
      .map(({ name }) => name),
    networkGuests: networks.some(({ name }) => name === spec.network.name)
      ? networkGuests(spec.name, spec.network.name, present)
      : [],
  };
}

function rejectHeldVolumes(stack: string, doomed: readonly string[], containers: readonly Container[]): void {
  for (const container of containers) {
    const { name, volumes } = container;
    const volume = volumes.find((one) => doomed.includes(one));
    if (volume === undefined || isOwn(stack)(container)) continue;
    throw new StackError('VOLUME_IN_USE', {
      message: `the volume ${volume} can't be deleted: the container ${name}, which is not of this stack, uses it; nothing was changed`,
      hint: `docker rm -f ${name}   # if nobody needs it, or: npx tsx manage.ts down, which keeps the data`,
    });
  }
}
