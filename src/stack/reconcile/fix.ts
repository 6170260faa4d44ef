import type { Finding } from '../../cluster/findings/finding.ts';
import { findUnsettledEpochs } from '../../cluster/nodes/epochs.ts';
import { findFindings } from '../../cluster/findings/findings.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { planRepair } from '../../plan/cluster/plan-repair.ts';
import { repairText, type RepairStep } from '../../plan/cluster/repair-step.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { commandText } from '../session/command-text.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { send } from './converge.ts';
import { conflictText, notConfirmed, stillWrong } from './fix-texts.ts';
import { linkNodes } from '../connect/links.ts';
import { observeNodes } from '../observe/observe-nodes.ts';
import { localPassword } from '../connect/passwords.ts';
import { readRepairFacts } from '../observe/repair-facts.ts';
import { findForgotten } from './restore-node-tables.ts';
import type { Session } from '../session/session.ts';
import { settleSlots, type Conflict, type SettleOptions } from '../execute/settle-slots.ts';

export interface FixOptions {
  /** Plan only. */
  readonly simulate: boolean;
  /** Told what comes next, before it is done. */
  readonly onPlan: (text: string) => void;
  /** Asked before anything by which keys may be lost. */
  readonly confirm: (question: string) => Promise<boolean>;
}

export interface Fixed {
  readonly steps: readonly RepairStep[];
  readonly movedKeys: number;
  /** What was wrong at the first look. */
  readonly findings: readonly Finding[];
}

/**
 * Observe, plan, execute, observe again, until nothing is wrong any more. No key is given up without a yes.
 *
 * @throws StackError CONFIRMATION_NEEDED when only that is left for which the answer is no; CLUSTER_UNHEALTHY with what
 * can't be mended here
 */
export async function fixCluster(session: Session, options: FixOptions): Promise<Fixed> {
  const password = await localPassword(session);
  const links = await linkNodes(session, password);
  const patient = await linkNodes(session, password, MOVE_TIMEOUT_MS);
  try {
    const expected = expectationOf(session.spec);
    const observe = async (): Promise<Observed> => {
      const views = (await observeNodes(session, links)).map(({ view }) => view);
      const findings = findFindings(expected, views);
      const facts = findings.length === 0 ? undefined : await readRepairFacts(session, views, links);
      return { views, findings, steps: facts === undefined ? [] : planRepair(session.spec, views, facts) };
    };
    const first = await observe();
    if (options.simulate) {
      options.onPlan(repairText(first.steps));
      return { steps: first.steps, movedKeys: 0, findings: first.findings };
    }
    rejectForgotten(session, first.views);
    const done = await repair(session, { observe, links: patient, options });
    return { ...done, findings: first.findings };
  } finally {
    for (const link of [...links, ...patient]) link.close();
  }
}

/** Mended in any other way, its slots would go to others, and its keys would be a stranger's. */
function rejectForgotten(session: Session, views: readonly NodeView[]): void {
  const [node] = findForgotten(session, views);
  if (node === undefined) return;
  throw new StackError('DATA_AT_RISK', {
    message: `${node} has lost its node table, and runs under a new id with keys of slots that the others hold for its old one`,
    hint: `${commandText(session, 'up')}   # gives it back the table that it had`,
  });
}

/** MIGRATE may take this long for one key of hundreds of megabytes. */
const MOVE_TIMEOUT_MS = 120_000;
const LOOK_AGAIN_MS = 200;
/** A command's effect may take this long to show, through gossip; until then it is not sent again. */
const RESEND_AFTER_MS = 1000;
const MOST_SENDINGS = 5;
/** What hasn't changed by itself after this long won't. */
const SETTLING_MS = 3000;

interface Observed {
  readonly views: readonly NodeView[];
  readonly findings: readonly Finding[];
  readonly steps: readonly RepairStep[];
}

interface Work {
  readonly observe: () => Promise<Observed>;
  readonly links: readonly NodeLink[];
  readonly options: FixOptions;
}

async function repair(session: Session, { observe, links, options }: Work): Promise<Omit<Fixed, 'findings'>> {
  const { signal, timeoutMs } = session;
  const steps: RepairStep[] = [];
  const sent = new Map<string, { readonly count: number; readonly at: number }>();
  /** Step → why it didn't succeed the last time. */
  const refusals = new Map<string, string>();
  /** Of each step that was carried out and left some: what it left. */
  const conflicts = new Map<string, readonly Conflict[]>();
  let movedKeys = 0;
  let seenBefore = new Set<string>();
  let looks = 0;
  const startedAt = Date.now();
  let changedAt = startedAt;

  const carryOut = async (chosen: readonly RepairStep[], views: readonly NodeView[], keepsOwners = false) => {
    options.onPlan(repairText(chosen.filter((step) => !sent.has(keyOf(step)))));
    for (const step of chosen) {
      signal.throwIfAborted();
      const key = keyOf(step);
      sent.set(key, { count: (sent.get(key)?.count ?? 0) + 1, at: Date.now() });
      refusals.delete(key);
      try {
        const settled = await execute(step, { views, links, keepsOwners, signal });
        movedKeys += settled.movedKeys;
        if (settled.conflicts.length > 0) conflicts.set(key, settled.conflicts);
        else conflicts.delete(key);
        steps.push(step);
      } catch (error) {
        // Where slots without an owner stop the cluster, keys can only move once all of them have been given away.
        if (!(error instanceof StackError) || error.code !== 'CLUSTER_UNHEALTHY') throw error;
        refusals.set(key, error.message);
      }
    }
    changedAt = Date.now();
  };

  for (;;) {
    signal.throwIfAborted();
    const observed = await observe();
    if (observed.findings.length === 0) return { steps, movedKeys };
    const isOpen = (step: RepairStep): boolean => (sent.get(keyOf(step))?.count ?? 0) < MOST_SENDINGS;
    const harmless = observed.steps.filter((step) => !step.destructive && !conflicts.has(keyOf(step)) && isOpen(step));
    const areEpochsSettled = findUnsettledEpochs(observed.views.filter(isReachable)).length === 0;
    if (!areEpochsSettled && observed.steps.some(givesAway) && Date.now() - startedAt < timeoutMs)
      changedAt = Date.now();
    // What is gone at the second look was on its way already. Only a key that gossip is about to delete can't wait.
    const due = harmless.filter(
      (step) =>
        (seenBefore.has(keyOf(step)) || isUrgent(step)) &&
        (areEpochsSettled || !givesAway(step)) &&
        Date.now() - (sent.get(keyOf(step))?.at ?? 0) > RESEND_AFTER_MS,
    );
    const isSteady = looks > 0 && observed.steps.every((step) => seenBefore.has(keyOf(step)));
    looks += 1;
    seenBefore = new Set(observed.steps.map(keyOf));
    if (due.length > 0) {
      await carryOut(due, observed.views);
      continue;
    }
    const risky = observed.steps.filter((step) => (step.destructive || conflicts.has(keyOf(step))) && isOpen(step));
    if (isSteady && harmless.length === 0 && risky.length > 0) {
      await askForAll(risky, conflicts, options);
      await carryOut(risky, observed.views, true);
      continue;
    }
    if (isSteady && Date.now() - changedAt > patienceMs(observed, timeoutMs))
      throw stillWrong(observed.findings, [...refusals.values()]);
    await pause(LOOK_AGAIN_MS, signal);
  }
}

/** How long to wait for what may come about by itself. */
function patienceMs({ findings, steps }: Observed, timeoutMs: number): number {
  if (findings.every(({ mend }) => mend === 'cluster wait')) return timeoutMs;
  const isForOthers = steps.length === 0 && findings.every(({ mend }) => !/^cluster (fix|wait)$/.test(mend));
  return isForOthers ? LOOK_AGAIN_MS : SETTLING_MS;
}

/** The same step, however many keys were written meanwhile. */
function keyOf(step: RepairStep): string {
  return JSON.stringify({ ...step, keyCount: 0 });
}

/** A slot that changes hands while nodes settle their epochs may be taken back, and its keys deleted. */
function givesAway(step: RepairStep): boolean {
  return step.type === 'settle slots' && step.owner !== undefined && step.owner !== step.destination && !isUrgent(step);
}

function isUrgent(step: RepairStep): boolean {
  return step.type === 'settle slots' && step.losers.length > 0;
}

async function execute(
  step: RepairStep,
  scene: SettleOptions,
): Promise<{ readonly movedKeys: number; readonly conflicts: readonly Conflict[] }> {
  const { links } = scene;
  switch (step.type) {
    case 'settle slots':
      return settleSlots(step, scene);
    case 'cluster command':
      // A refusal shows at the next look.
      await send(step.action, links);
      break;
    case 'bump epoch':
      await links.find(({ name }) => name === step.node)?.send('CLUSTER', 'BUMPEPOCH');
      break;
    case 'forget owner':
      // Side by side: who still knows it would tell the others of it again. Some may not know it.
      await Promise.allSettled(links.map((link) => link.send('CLUSTER', 'FORGET', step.nodeId)));
      break;
  }
  return { movedKeys: 0, conflicts: [] };
}

/** @throws StackError CONFIRMATION_NEEDED that names everything that would be done */
async function askForAll(
  steps: readonly RepairStep[],
  conflicts: ReadonlyMap<string, readonly Conflict[]>,
  { confirm }: FixOptions,
): Promise<void> {
  const losses = steps.flatMap((step) => {
    const left = conflicts.get(keyOf(step));
    return left === undefined ? [repairText([step]).trimEnd()] : left.map(conflictText);
  });
  if (!(await confirm(`${losses.join('\n')}\nGo on?`))) throw notConfirmed(losses);
}
