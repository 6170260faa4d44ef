import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { errorMessage, hasCode } from '../../errors.ts';
import { actionKey, planText, type Action } from '../../plan/model/action.ts';
import { nodeOfContainer } from '../../plan/model/names.ts';
import { settle } from '../../plan/engine/places.ts';
import type { Snapshot } from '../../plan/model/snapshot.ts';
import type { Desired, Next } from '../../plan/scene.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Issuer, NodeCertificate } from '../connect/issuer.ts';
import { findAuthorityConflicts } from '../connect/authority.ts';
import { findPasswordConflicts } from '../connect/passwords.ts';
import { execute } from '../execute/execute.ts';
import { TOUCHES, type Execution } from '../execute/execution.ts';
import { perform } from '../execute/perform.ts';
import { openTrial } from '../execute/try-configuration.ts';
import { openLooker, type Looker } from '../observe/snapshot.ts';
import type { Session } from '../session/session.ts';
import { startHistory } from './history.ts';
import { whilePassing } from './passing.ts';
import { conflictText, notConfirmed } from './repair-texts.ts';
import { nextRound, type ReconcileOptions, type Round, type Run, rejectConflicts } from './round.ts';

interface Reconciled {
  readonly views: readonly ReachableView[];
  readonly carriedOut: readonly Action[];
  /** Those, and times that the work was disturbed from outside; 0 when all was as it should be. */
  readonly changeCount: number;
  readonly movedKeys: number;
}

/** Gossip tells every node of a change in less than this: what is still wrong then doesn't pass by itself. */
const STEADY_MS = 1000;

/**
 * Observe, plan, execute, observe again, until nothing is left to do: the one loop of this program. It doesn't matter
 * where things stand: nothing there, half made by a run that was killed, damaged, or just restarted with its data.
 *
 * @throws StackError for a conflict, before anything is done; WAIT_TIMEOUT with what was last observed; CONTAINER_EXITED
 *   with the last lines of its log; CONFIRMATION_NEEDED where only that is left for which the answer is no
 */
export async function reconcile(opened: Session, desired: Desired, options: ReconcileOptions): Promise<Reconciled> {
  // What should be may say more than the YAML file: what the image's server can.
  const session = { ...opened, spec: desired.spec };
  const { steadyMs = STEADY_MS, rescuesAtOnce = false } = options;
  // Who looks every few seconds doesn't tell the same for a minute.
  const news = options.isPreview === true ? { newsSeconds: 10 } : {};
  const history = startHistory({ steadyMs, rescuesAtOnce, ...news });
  const looker = openLooker(session, desired, options);
  const run: Run = { session, desired, options, history, looker, tryConfiguration: openTrial() };
  let movedKeys = 0;
  let disturbances = 0;
  const work = async (): Promise<Reconciled> => {
    for (;;) {
      const round = await nextRound(run);
      const actions = await chosen(run, round);
      const views = round.seen.views.filter(isReachable);
      if (actions.length === 0) {
        const changeCount = history.carriedOut.length + disturbances;
        if (changeCount > 0) await options.prove?.(views);
        return { views, carriedOut: history.carriedOut, changeCount, movedKeys };
      }
      if (options.onRound?.(round, actions) === false) return { views, carriedOut: [], changeCount: 0, movedKeys };
      movedKeys += await carryOut(run, round.seen, actions);
    }
  };
  const onDisturbed = (): void => {
    disturbances += 1;
    looker.forget('engine');
  };
  try {
    return await whilePassing(session, work, onDisturbed, options.lasting);
  } finally {
    looker.close();
  }
}

/** The first round of `reconcile`, which is not carried out. */
export async function preview(
  session: Session,
  desired: Desired,
  options: ReconcileOptions,
): Promise<Pick<Next, 'actions' | 'conflicts' | 'waitsFor'> & { readonly later: readonly Action[] }> {
  let last: Round | undefined;
  let first: readonly Action[] = [];
  let waitsSince: number | undefined;
  const begunAt = performance.now();
  /** Who watches looks again anyway. */
  const isPatient = desired.upkeep === undefined;
  await reconcile(session, desired, {
    ...options,
    isPreview: true,
    onLook: (round) => {
      last = round;
      if (round.next.waitsFor.length === 0) waitsSince = undefined;
      else waitsSince ??= performance.now();
      options.onLook?.(round);
    },
    // What is seen for the first time may pass by itself, as may a node that was too busy for an answer; all else is told at
    // once, and not waited for.
    isDone: ({ next, due }) =>
      next.conflicts.length > 0 ||
      (!due.isPending && !(isPatient && mayPass(waitsSince, begunAt + session.timeoutMs / 2))),
    confirm: async () => true,
    onRound: (_round, actions) => {
      first = actions;
      return false;
    },
  });
  const { later = () => [], ifSteady = [], conflicts = [], waitsFor = [] } = last?.next ?? {};
  // It waits until only that is left.
  const keys = new Set(first.map(actionKey));
  const risky = ifSteady.filter((action) => action.destructive && !keys.has(actionKey(action)));
  return { actions: first, later: [...risky, ...later()], conflicts, waitsFor };
}

/** Whether what is waited for, since then, may still come by itself. */
function mayPass(since: number | undefined, deadline: number): boolean {
  const now = performance.now();
  return since !== undefined && now < Math.min(since + STEADY_MS, deadline);
}

/** Issued beside the containers' creation, so that certificates are there when these are. */
function issueAhead({ spec }: Desired, issuer: Issuer | undefined, actions: readonly Action[]) {
  const issue = async (node: NodeSpec): Promise<NodeCertificate | undefined> => issuer?.issue(node);
  const issued = new Map(
    actions
      .filter(({ type }) => type === 'configure container' || type === 'configure and seed container')
      .flatMap(({ target }) => nodeOfContainer(spec, target) ?? [])
      .map((node) => [node.name, issue(node)]),
  );
  // Whoever needs one hears of its failure; if the plan fails before, nobody does.
  for (const one of issued.values()) one.catch(() => undefined);
  return {
    one: (node: NodeSpec) => issued.get(node.name) ?? issue(node),
    all: () => Promise.all(issued.values()),
  };
}

/** What is to be done now. No key is given up without a yes. @throws StackError CONFIRMATION_NEEDED */
async function chosen({ options, history }: Run, { due }: Round): Promise<readonly Action[]> {
  if (due.actions.length > 0 || due.risky.length === 0) return due.actions;
  const losses = due.risky.flatMap((action) => {
    const left = history.conflictsOf(action);
    return left.length === 0 ? [planText([action]).trimEnd()] : left.map(conflictText);
  });
  if (!(await (options.confirm?.(`${losses.join('\n')}\nGo on?`) ?? false))) throw notConfirmed(losses);
  return due.risky;
}

/** @returns how many keys were moved by repairs */
async function carryOut(run: Run, seen: Snapshot, actions: readonly Action[]): Promise<number> {
  const { options, history, looker } = run;
  const desired = settle(run.desired, seen);
  const session = { ...run.session, spec: desired.spec };
  // A source that refuses it is better known before anything is made.
  const secret = await options.password();
  const password = (): Secret => {
    if (secret !== undefined) return secret;
    throw new Error('no action needs a password that nobody knows');
  };
  if (secret !== undefined) rejectConflicts(await findPasswordConflicts(session, secret, actions));
  rejectConflicts(await findAuthorityConflicts(session, actions));
  const certificateOf = issueAhead(desired, options.issuer, actions);
  // Vault may refuse, and that is better known before anything is made. The private authority is quick and this host's own.
  if (desired.spec.tls.issuer.kind === 'vault') await certificateOf.all();
  const execution: Execution = {
    session,
    desired,
    seen,
    nodes: looker.nodes(),
    password,
    certificateOf: certificateOf.one,
  };
  await run.tryConfiguration(execution, actions);
  let movedKeys = 0;
  const performOne = async (action: Action): Promise<void> => {
    const part = TOUCHES[action.type];
    if (part !== undefined) looker.forget(part);
    try {
      const outcome = await perform(execution, action);
      movedKeys += outcome?.movedKeys ?? 0;
      history.addConflicts(action, outcome?.conflicts ?? []);
      history.addDone(action);
    } catch (error) {
      // What it is shows at the next look: another may have done the same, or slots without an owner stop the cluster.
      if (!isTolerated(action, error)) throw error;
      history.addDone(action, errorMessage(error));
    }
    if (action.type === 'configure container' || action.type === 'configure and seed container')
      learn(looker, desired, action);
  };
  await execute(actions, performOne, session);
  return movedKeys;
}

function learn(looker: Looker, { spec, wanted }: Desired, { target }: Action): void {
  const node = nodeOfContainer(spec, target);
  const config = node && wanted.config.get(node.name);
  if (node !== undefined && config !== undefined) looker.learn(node.name, config);
}

const TOLERANT: ReadonlySet<Action['type']> = new Set([
  'take over',
  'forget',
  'meet',
  'add slots',
  'replicate',
  'bump epoch',
  'repair slots',
]);

function isTolerated({ type }: Action, error: unknown): boolean {
  return TOLERANT.has(type) && hasCode(error, 'REDIS_REFUSED', 'NODE_DISCONNECTED', 'CLUSTER_UNHEALTHY');
}
