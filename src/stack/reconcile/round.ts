import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError, type FailureCode } from '../../errors.ts';
import { hint, run as command } from '../../hint.ts';
import type { Conflict } from '../../plan/engine/conflicts.ts';
import { backTo, formerImage } from '../../plan/engine/other-server.ts';
import type { Action } from '../../plan/model/action.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Snapshot } from '../../plan/model/snapshot.ts';
import { planNext } from '../../plan/next.ts';
import type { Desired, Next } from '../../plan/scene.ts';
import { poll, type Pace } from '../../poll.ts';
import type { Issuer } from '../connect/issuer.ts';
import { rejectExited, reportCuts } from '../observe/container-end.ts';
import type { openTrial } from '../execute/try-configuration.ts';
import { brokenPairsFailure, findBrokenPairs } from '../observe/host-links.ts';
import type { Looker, LookerOptions } from '../observe/snapshot.ts';
import { rejectRefusing } from '../observe/inside.ts';
import { durationText } from '../../units.ts';
import type { Session } from '../session/session.ts';
import type { Due, History, HistoryOptions } from './history.ts';

/** One look, and what comes of it. */
export interface Round {
  readonly seen: Snapshot;
  readonly next: Next;
  readonly due: Due;
}

export interface ReconcileOptions extends LookerOptions, Partial<HistoryOptions> {
  /** undefined where TLS is off, or no certificate is issued. */
  readonly issuer?: Issuer | undefined;
  /** Told of every look. */
  readonly onLook?: (round: Round) => void;
  /** Told what comes next, before it is done. @returns whether it is to be done; the loop ends where it isn't */
  readonly onRound?: (round: Round, actions: readonly Action[]) => boolean;
  /** Asked before anything by which keys may be lost. Without it the answer is no. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** Whether all is as it should be, or can't be made so. By default: nothing is planned, and nothing waited for. */
  readonly isDone?: (round: Round, history: History) => boolean;
  /** Nothing is done: conflicts are part of the answer. */
  readonly isPreview?: boolean;
  /** Done when all is as it should be, after a change: what it throws is a disturbance like any other. */
  readonly prove?: (views: readonly ReachableView[]) => Promise<void>;
  readonly pace?: Pace;
  /** Not waited for, although they may pass: who can take another port doesn't wait for this one. */
  readonly lasting?: readonly FailureCode[];
}

export interface Run {
  readonly session: Session;
  readonly desired: Desired;
  readonly options: ReconcileOptions;
  readonly history: History;
  readonly looker: Looker;
  readonly tryConfiguration: ReturnType<typeof openTrial>;
}

/** Often at first, where a new cluster is a matter of milliseconds; a twentieth of the wait so far for what takes seconds. */
const PACE: Pace = { min: 4, max: 200, factor: 1.05 };
/** A primary with data serves two seconds after its start. Nothing has moved for longer: the disk may be the cause. */
const STUCK_MS = 4000;

/** Waits for what has to come about by itself, until something is to be done, or nothing any more. */
export async function nextRound(run: Run): Promise<Round> {
  const { session, desired, options, history } = run;
  const { timeoutMs, report } = session;
  const isOverlay = session.spec.network.driver === 'overlay';
  let checkedAt = Number.NEGATIVE_INFINITY;
  let broken: StackError | undefined;
  const look = async (): Promise<Round> => {
    const round = await lookAndPlan(run);
    const problem = round.due.actions[0] === undefined ? (broken?.message ?? round.next.waitsFor[0]) : undefined;
    if (problem !== undefined) report({ subject: 'cluster', state: 'running', text: problem });
    const now = performance.now();
    if (options.isPreview !== true && now - Math.max(history.movedAt(), checkedAt) > STUCK_MS) {
      checkedAt = now;
      await rejectRefusing(session, round.seen.views);
      const wasBroken = broken !== undefined;
      const pairs = await findBrokenPairs(session, round.seen.engine.containers);
      broken = pairs.length === 0 ? undefined : brokenPairsFailure(session, pairs);
      // Engines of a swarm tell each other all that they know every 30 seconds: a host that was off an overlay network for a
      // moment may not get through until then.
      if (broken !== undefined && wasBroken && !isOverlay) throw broken;
    }
    return round;
  };
  const isEnd = (round: Round): boolean =>
    round.due.actions.length + round.due.risky.length > 0 || (options.isDone ?? isNothingLeft)(round, history);
  const leftMs = Math.max(timeoutMs - (performance.now() - history.movedAt()), 0);
  const onTimeout = ({ next, seen }: Round): StackError => {
    if (broken !== undefined) return broken;
    const { imageId } = desired.wanted;
    const former = imageId === '' ? undefined : formerImage(session.spec.name, seen.engine.containers, imageId);
    const more = hint`${command('status')}, ${command('logs NODE')}, or more time with --timeout SECONDS`;
    return new StackError('WAIT_TIMEOUT', {
      message: `the cluster was not whole within ${durationText(timeoutMs)}${former === undefined ? '' : `; some nodes still run ${former}`}`,
      details: [...history.refusals(), ...next.waitsFor],
      hint: former === undefined ? more : hint`${more}. To go back: ${backTo(former)}`,
    });
  };
  return poll(look, isEnd, { ...session, timeoutMs: leftMs, pace: options.pace ?? PACE, onTimeout });
}

function isNothingLeft({ next }: Round): boolean {
  return next.actions.length + next.ifSteady.length + next.waitsFor.length === 0;
}

async function lookAndPlan(run: Run): Promise<Round> {
  const { session, desired, options, history, looker } = run;
  const seen = await looker.look().catch((error: unknown) => {
    throw asPassing(error);
  });
  history.addViews(seen.views);
  const next = planNext(desired, seen, history.done);
  await rejectEnded(run, seen, next);
  if (options.isPreview !== true) rejectConflicts(next.conflicts);
  const due = history.due(next, seen.views);
  if (due.actions.length === 0) rejectRefused(seen);
  options.onLook?.({ seen, next, due });
  if (isNothingLeft({ seen, next, due })) {
    const begun = seen.views
      .filter(isReachable)
      .filter(({ name, keyCount }) => keyCount > 0 && history.begun.has(name));
    await reportCuts(session, begun);
  }
  return { seen, next, due };
}

/** Nothing but a restart of the node helps, and that is for a person to decide. */
function rejectRefused({ views }: Snapshot): void {
  for (const view of views) {
    if (view.reachable || view.mend !== 'restart') continue;
    throw new StackError('AUTH_FAILED', {
      message: view.reason,
      hint: hint`${command(`restart ${view.name}`)}   # brings back the one in the container's files; every key stays`,
    });
  }
}

/** A node that was lost between two questions of one look: the next shows what became of it. */
function asPassing(error: unknown): unknown {
  if (!(error instanceof StackError) || error.code !== 'NODE_DISCONNECTED') return error;
  const { code, message, hint: next, details } = error;
  return new StackError(code, { message, details, isPassing: true, ...(next === undefined ? {} : { hint: next }) });
}

/** A container that was started and has ended won't answer however long anybody waits, unless it is to be repaired now. */
async function rejectEnded({ session, desired, history }: Run, seen: Snapshot, next: Next): Promise<void> {
  const { wish } = desired;
  if (wish?.isRepair === true) return;
  const { name: stack } = session.spec;
  const restored = [...next.actions, ...next.ifSteady].filter(({ type }) => type === 'restore node table');
  // Whoever is still to be restarted may have ended before.
  const isLeft = wish?.restart?.nodes.some((node) => !history.hasStarted(stack, node)) === true;
  const ended = seen.views.filter(({ name, reachable }) => {
    const container = seen.engine.containers.find((one) => one.name === containerName(stack, name));
    const isOurs = history.hasStarted(stack, name) || (wish !== undefined && !isLeft);
    const isRestored = restored.some(({ target }) => target === name);
    return !reachable && isOurs && container?.state !== 'running' && !isRestored;
  });
  if (ended.length === 0) return;
  try {
    await rejectExited(session, ended, seen.engine.containers);
  } catch (error) {
    for (const { name } of ended) history.forgetStart(containerName(stack, name));
    throw error;
  }
}

/** Everything that can be known before anything is made. */
export function rejectConflicts([conflict, ...others]: readonly Conflict[]): void {
  if (conflict === undefined) return;
  throw new StackError(conflict.code, {
    message: conflict.message,
    hint: conflict.hint,
    ...(conflict.isPassing === undefined ? {} : { isPassing: conflict.isPassing }),
    details: others.map(({ message }) => message),
  });
}
