import { findUnsettledEpochs } from '../../cluster/nodes/epochs.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { actionKey, keyOf, type Action } from '../../plan/model/action.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Next } from '../../plan/scene.ts';
import type { KeyConflict } from '../execute/execution.ts';

/** A command's effect may take this long to show, through gossip; until then it is not sent again. */
const RESEND_AFTER_MS = 1000;
/** What hasn't helped by then won't. */
const MOST_REPAIRS = 5;

/** What one run has seen and done so far: all that a plan can't tell from a single look. */
export interface History {
  /** Keys of the actions that were carried out. */
  readonly done: Pick<ReadonlySet<string>, 'has'>;
  /** Those that no node refused. */
  readonly carriedOut: readonly Action[];
  /** What may be done now. */
  readonly due: (next: Next, views: readonly NodeView[]) => Due;
  /** @param refusal why Redis refused it */
  readonly addDone: (action: Action, refusal?: string) => void;
  readonly refusals: () => readonly string[];
  readonly addConflicts: (action: Action, conflicts: readonly KeyConflict[]) => void;
  readonly conflictsOf: (action: Action) => readonly KeyConflict[];
  /** A container that was started in this run, and has ended for a reason that is over, may be started again. */
  readonly forgetStart: (container: string) => void;
  readonly hasStarted: (stack: string, node: string) => boolean;
  /** When something was done for the first time, or seen to move, last; in ms of `performance.now()`. */
  readonly movedAt: () => number;
  /** Nodes that have begun while this run looked, or not long before: what they read from their disks is news. */
  readonly begun: ReadonlySet<string>;
  /** When anything was done last, as `movedAt`; before that, when it was looked first, which takes its time on a busy machine. */
  readonly lastDoneAt: () => number;
  readonly addViews: (views: readonly NodeView[]) => void;
}

export interface Due {
  readonly actions: readonly Action[];
  /** Repairs that give up keys, and wait for a yes. */
  readonly risky: readonly Action[];
  /** Something is planned that has to be seen for a moment longer. */
  readonly isPending: boolean;
}

export interface HistoryOptions {
  /** Who has been up for no longer has begun not long before this run, in seconds. */
  readonly newsSeconds?: number;
  /** For how long a repair has to be right before it is made, in ms. */
  readonly steadyMs: number;
  /** A key that gossip is about to delete is rescued at once. */
  readonly rescuesAtOnce: boolean;
}

export function startHistory({ steadyMs, rescuesAtOnce, newsSeconds = 60 }: HistoryOptions): History {
  const sent = new Map<string, { readonly count: number; readonly at: number }>();
  const firstSeen = new Map<string, number>();
  const refusals = new Map<string, string>();
  const conflicts = new Map<string, readonly KeyConflict[]>();
  const begun = new Set<string>();
  let movedAt = performance.now();
  let lastDoneAt = movedAt;
  let hasLooked = false;
  const carriedOut: Action[] = [];

  const isFresh = (action: Action, now: number): boolean =>
    now - (sent.get(actionKey(action))?.at ?? Number.NEGATIVE_INFINITY) > RESEND_AFTER_MS;

  const due = (next: Next, views: readonly NodeView[]): Due => {
    const now = performance.now();
    const isOpen = (action: Action): boolean => (sent.get(actionKey(action))?.count ?? 0) < MOST_REPAIRS;
    const repairs = next.ifSteady.filter(isOpen);
    const keys = new Set(repairs.map(actionKey));
    for (const key of firstSeen.keys()) if (!keys.has(key)) firstSeen.delete(key);
    for (const key of keys) if (!firstSeen.has(key)) firstSeen.set(key, now);
    const isSteady = (action: Action): boolean =>
      now - (firstSeen.get(actionKey(action)) ?? now) >= steadyMs || (rescuesAtOnce && isRescue(action));
    const isRisky = (action: Action): boolean => action.destructive || conflicts.has(actionKey(action));
    const isAllowed = areEpochsSettled(views) ? () => true : (action: Action) => !givesAway(action) || isRescue(action);
    const harmless = repairs.filter((action) => !isRisky(action));
    const ready = harmless.filter((action) => isSteady(action) && isAllowed(action) && isFresh(action, now));
    const actions = [...next.actions.filter((action) => isFresh(action, now)), ...inSequence(ready)];
    const risky = repairs.filter(isRisky);
    const isAllRisky = next.actions.length === 0 && harmless.length === 0 && risky.every(isSteady);
    return {
      actions,
      risky: isAllRisky ? inSequence(risky.map((action) => ({ ...action, destructive: true }))) : [],
      isPending: repairs.length > 0 || next.actions.length > 0,
    };
  };
  return {
    done: sent,
    carriedOut,
    due,
    addDone: (action, refusal) => {
      const key = actionKey(action);
      lastDoneAt = performance.now();
      if (!sent.has(key)) movedAt = lastDoneAt;
      sent.set(key, { count: (sent.get(key)?.count ?? 0) + 1, at: lastDoneAt });
      // It may be started again, elsewhere or anew, and until then nobody waits for it.
      if (action.type === 'remove container') for (const type of STARTS) sent.delete(keyOf(type, action.target));
      if (refusal !== undefined) return void refusals.set(key, refusal);
      refusals.delete(key);
      carriedOut.push(action);
    },
    refusals: () => [...refusals.values()],
    addConflicts: (action, found) => {
      if (found.length > 0) conflicts.set(actionKey(action), found);
      else conflicts.delete(actionKey(action));
    },
    conflictsOf: (action) => conflicts.get(actionKey(action)) ?? [],
    forgetStart: (container) => {
      for (const type of STARTS) sent.delete(keyOf(type, container));
    },
    hasStarted: (stack, node) => STARTS.some((type) => sent.has(keyOf(type, containerName(stack, node)))),
    movedAt: () => movedAt,
    lastDoneAt: () => lastDoneAt,
    begun,
    addViews: (views) => {
      if (!hasLooked) lastDoneAt = performance.now();
      hasLooked = true;
      // Each time: the others may take longer than that to believe again in a node that was away.
      for (const view of views) if (!isReachable(view) || uptimeSeconds(view) < newsSeconds) begun.add(view.name);
    },
  };
}

const STARTS = ['start container', 'restart container', 'unpause container'] as const;

function uptimeSeconds({ fields }: ReachableView): number {
  return Number(fields.get('uptime_in_seconds') ?? Infinity);
}

export function areEpochsSettled(views: readonly NodeView[]): boolean {
  return findUnsettledEpochs(views.filter(isReachable)).length === 0;
}

/** A slot that changes hands while nodes settle their epochs may be taken back, and its keys deleted. */
function givesAway(action: Action): boolean {
  return action.type === 'repair slots' && action.owner !== undefined && action.owner !== action.destination;
}

function isRescue(action: Action): boolean {
  return action.type === 'repair slots' && action.losers.length > 0;
}

/** Two repairs may have to do with the same node. */
function inSequence(actions: readonly Action[]): Action[] {
  return actions.map((action, index) => {
    const before = actions[index - 1];
    return before === undefined ? action : { ...action, after: [...action.after, actionKey(before)] };
  });
}
