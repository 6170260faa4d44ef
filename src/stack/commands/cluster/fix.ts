import type { Finding } from '../../../cluster/findings/finding.ts';
import { findFindings } from '../../../cluster/findings/findings.ts';
import { isReachable, type NodeView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { planTables } from '../../../plan/cluster/plan-lost-nodes.ts';
import type { Action } from '../../../plan/model/action.ts';
import { localPassword } from '../../connect/passwords.ts';
import { desiredOf } from '../../observe/wanted.ts';
import { areEpochsSettled, type History } from '../../reconcile/history.ts';
import { preview, reconcile } from '../../reconcile/reconcile.ts';
import type { Round } from '../../reconcile/round.ts';
import { stillWrong } from '../../reconcile/repair-texts.ts';
import { withBusAsMade } from '../../session/open.ts';
import type { Session } from '../../session/session.ts';

interface FixOptions {
  /** Plan only. */
  readonly simulate: boolean;
  /** Told what comes next, before it is done. */
  readonly onPlan: (actions: readonly Action[]) => void;
  /** Asked before anything by which keys may be lost. */
  readonly confirm: (question: string) => Promise<boolean>;
}

interface Fixed {
  /** What was done; with `simulate`, what would be. */
  readonly steps: readonly Action[];
  readonly movedKeys: number;
  /** What was wrong at the first look. */
  readonly findings: readonly Finding[];
}

/**
 * The loop, limited to the cluster, until nothing is wrong any more. No key is given up without a yes.
 *
 * @throws StackError CONFIRMATION_NEEDED when only that is left for which the answer is no; CLUSTER_UNHEALTHY with what
 * can't be repaired here
 */
export async function fixCluster(given: Session, { simulate, onPlan, confirm }: FixOptions): Promise<Fixed> {
  const session = await withBusAsMade(given);
  const expected = expectationOf(session.spec);
  const findingsOf = (views: readonly NodeView[]): Finding[] => findFindings(expected, views);
  const desired = desiredOf(session, undefined, { isRepair: true });
  let first: readonly Finding[] | undefined;
  const shared = { password: () => localPassword(session), steadyMs: STEADY_MS, rescuesAtOnce: true, pace: PACE };
  const note = ({ seen }: Round): void => {
    first ??= findingsOf(seen.views);
  };
  if (simulate) {
    const { actions, later } = await preview(session, desired, { ...shared, onLook: note });
    const steps = [...actions, ...later];
    onPlan(steps);
    return { steps, movedKeys: 0, findings: first ?? [] };
  }
  const seenBefore = new Set<string>();
  const { carriedOut, movedKeys } = await reconcile(session, desired, {
    ...shared,
    confirm,
    onLook: (round) => {
      if (first === undefined) rejectForgotten(session, round.seen.views);
      note(round);
    },
    onRound: (_round, actions) => {
      onPlan(actions.filter((action) => !seenBefore.has(JSON.stringify(action))));
      for (const action of actions) seenBefore.add(JSON.stringify(action));
      return true;
    },
    isDone: (round, history) => isRepaired(session, findingsOf(round.seen.views), round, history),
  });
  return { steps: carriedOut, movedKeys, findings: first ?? [] };
}

/** A step is right that was right at two looks: what is gone at the second was on its way already. */
const STEADY_MS = 200;
const PACE = { min: 200, max: 200 };
/** What hasn't changed by itself after this long won't. */
const SETTLING_MS = 3000;

/** @throws StackError CLUSTER_UNHEALTHY when what is wrong neither passes nor can be repaired */
function isRepaired(
  { timeoutMs }: Session,
  findings: readonly Finding[],
  { seen, next, due }: Round,
  history: History,
): boolean {
  if (findings.length === 0) return true;
  const quietMs = performance.now() - history.lastDoneAt();
  // What gives slots away is held back until then.
  const isSettling = due.isPending && !areEpochsSettled(seen.views);
  const isForOthers = !due.isPending && findings.every(({ mend }) => !/^cluster (fix|wait)$/.test(mend));
  const patienceMs =
    isSettling || findings.every(({ mend }) => mend === 'cluster wait')
      ? timeoutMs
      : isForOthers
        ? STEADY_MS
        : SETTLING_MS;
  if (quietMs > patienceMs) throw stillWrong(findings, [...history.refusals(), ...next.waitsFor]);
  return false;
}

/** Repaired in any other way, its slots would go to others, and its keys would be a stranger's. */
function rejectForgotten({ spec }: Session, views: readonly NodeView[]): void {
  const [lost] = planTables(spec, views.filter(isReachable), new Set());
  if (lost === undefined) return;
  throw new StackError('DATA_AT_RISK', {
    message: `${lost.target} has lost its node table, and runs under a new id with keys of slots that the others hold for its old one`,
    hint: hint`${run('up')}   # gives it back the table that it had`,
  });
}
