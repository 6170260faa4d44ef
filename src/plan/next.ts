import { findClusterProblems } from '../cluster/findings/health.ts';
import { isReachable, type ReachableView } from '../cluster/nodes/view.ts';
import { formatRanges } from '../cluster/slots/slots.ts';
import { findOpenMoves } from '../cluster/slots/open-moves.ts';
import type { NodeSpec, Spec } from '../spec/spec.ts';
import { expectationOf, inItsShape } from './cluster/expectation.ts';
import { planCluster } from './cluster/plan-cluster.ts';
import { planRepair } from './cluster/plan-repair.ts';
import { findUnserved, nextRollStep, findDisruptive, type RollStep } from './cluster/plan-roll.ts';
import { planShape } from './cluster/plan-shape.ts';
import { planTables, planTakeOvers } from './cluster/plan-lost-nodes.ts';
import { findConflicts, type Conflict } from './engine/conflicts.ts';
import { planSaving } from './engine/plan-saving.ts';
import { planUp } from './engine/plan-up.ts';
import { actionKey, keyOf, newAction, type Action, type ActionType } from './model/action.ts';
import { containerName } from './model/names.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { Wanted } from './model/observed.ts';
import { planNodes } from './node/plan-nodes.ts';

/** What should be. */
export interface Desired {
  readonly spec: Spec;
  readonly wanted: Wanted;
  /** undefined: everything. */
  readonly wish?: Wish;
}

/** Not what the YAML file says, but a cluster that is whole. */
export interface Wish {
  /** Nodes that are restarted before, all at once or one at a time. */
  readonly restart?: { readonly nodes: readonly string[]; readonly isRolling: boolean };
  /** Also what no client would notice: epochs, replicas in the wrong place. Whoever asks for it waits by rules of its own. */
  readonly isRepair?: boolean;
}

export interface Next {
  /** What stands in the way: nothing is done before it is gone. */
  readonly conflicts: readonly Conflict[];
  /** The actions of the first phase that has work. */
  readonly actions: readonly Action[];
  /** Repairs of the same phase: right only if they still are in a moment, as gossip may be about to do the same. */
  readonly ifSteady: readonly Action[];
  /** What has to come about by itself before anything more can be planned, as sentences. */
  readonly waitsFor: readonly string[];
  /** What is planned already for a later round. */
  readonly later: readonly Action[];
}

/** Whether what comes after these actions is only known when they are done. */
export function mayGoOn(actions: readonly Action[]): boolean {
  return actions.some(({ type }) => !LAST.has(type));
}

const LAST: ReadonlySet<ActionType> = new Set([
  'update container',
  'disconnect container',
  'connect container',
  'drop other passwords',
  'renew certificate',
  'set config',
  'write configuration',
  'bump epoch',
  'repair slots',
]);

const NOTHING: Next = { conflicts: [], actions: [], ifSteady: [], waitsFor: [], later: [] };

/**
 * The next actions from what is to what should be: those of the first phase that has work. Empty, without anything to wait
 * for, means that all is as it should be.
 *
 * 1. engine: conflicts; network, volumes and containers, as far as nobody who runs is disturbed.
 * 2. nodes: passwords, certificates and settings of nodes that run.
 * 3. cluster: formation, membership, repair.
 * 4. shape: slots to where the YAML file wants them, nodes that left it out of the cluster.
 * 5. disruption: containers that have to be recreated, and restarts that were asked for, one node at a time.
 *
 * @param done keys of the actions that this run has carried out
 */
export function planNext(desired: Desired, seen: Snapshot, done: ReadonlySet<string>): Next {
  const scene: Scene = { ...desired, ...seen, done, members: [...desired.spec.nodes, ...seen.former] };
  const { wish } = desired;
  const phases =
    wish === undefined
      ? [engine, nodes, cluster, shape, disruption]
      : [...(wish.restart === undefined ? [] : [urgentRestarts]), cluster, disruption];
  for (const phase of phases) {
    const planned = { ...NOTHING, ...phase(scene) };
    // Whoever waits for his turn is known long before.
    const ahead = phase === disruption || wish !== undefined ? {} : disruption(scene);
    const next = {
      ...planned,
      actions: planned.actions.filter((action) => !isSpent(action, done)),
      later: [...planned.later, ...(ahead.actions ?? []), ...(ahead.later ?? [])],
    };
    if (next.conflicts.length + next.actions.length + next.ifSteady.length + next.waitsFor.length > 0) return next;
  }
  return NOTHING;
}

/** What a node or the engine has taken and not kept, it will not keep the second time either. */
function isSpent(action: Action, done: ReadonlySet<string>): boolean {
  return ONCE.has(action.type) && done.has(actionKey(action));
}

const ONCE: ReadonlySet<ActionType> = new Set([
  'update container',
  'disconnect container',
  'connect container',
  'renew certificate',
  'renew certificate and restart',
  'set config',
  'write configuration',
]);

interface Scene extends Desired, Snapshot {
  readonly done: ReadonlySet<string>;
  /** The nodes of the YAML file, and those that are still to leave the cluster. */
  readonly members: readonly NodeSpec[];
}

function engine(scene: Scene): Partial<Next> {
  const { spec, wanted, engine: observed, obstacles, views, damagedTables, done } = scene;
  const conflicts = [...findConflicts(spec.name, wanted, observed), ...obstacles];
  const all = planUp(spec, wanted, observed);
  const waiting = new Set(findWaiting(scene, all).map((node) => containerName(spec.name, node)));
  // Started as it is, such a node would only end again.
  const tables = planTables(spec, views, damagedTables).filter(
    (action) => damagedTables.has(action.target) && !done.has(actionKey(action)),
  );
  const damaged = new Set(tables.map(({ target }) => containerName(spec.name, target)));
  const now = all.filter(({ target }) => !waiting.has(target) && !damaged.has(target));
  const saving = planSaving({ ...scene, engine: observed }, now);
  if (conflicts.length + saving.conflicts.length + now.length + tables.length > 0) {
    const known = nodes(scene).actions ?? [];
    return {
      conflicts: [...conflicts, ...saving.conflicts],
      actions: [...saving.actions, ...tables],
      later: known,
    };
  }
  return planTakeOvers(spec, views, observed.copies);
}

/** Nodes that run, and whose containers are recreated when their turn comes. Whoever is silent is disturbed by nothing. */
function findWaiting({ wanted, engine: observed, silent }: Scene, planned: readonly Action[]): string[] {
  return findDisruptive(wanted, observed, planned).filter((node) => !silent.has(node));
}

function nodes({ spec, wanted, engine: observed, passwords, settings, certificates }: Scene): Partial<Next> {
  return planNodes(spec, wanted, { config: observed.config, passwords, settings, certificates });
}

function cluster(scene: Scene): Partial<Next> {
  const { spec, views, damagedTables, facts, done, wish } = scene;
  const tables = planTables(spec, views, damagedTables).filter((action) => !done.has(actionKey(action)));
  // What has its table again is who it was, and needs no other repair.
  if (tables.length > 0) return { ifSteady: tables };
  const all = withMembers(scene);
  const commands = planCluster(spec, views);
  const problems = commands.length > 0 ? [] : findProblems(scene);
  const repairs = planRepair(all, views, facts, slotsOfShape(scene, problems.length === 0));
  const isCommand = (action: Action): boolean => commands.some((command) => actionKey(command) === actionKey(action));
  const isWhole = problems.length === 0 && commands.length === 0;
  const steady = repairs.filter((action) => !isCommand(action));
  return {
    // A rescue comes before anything else: it is planned alone.
    actions: repairs.filter(isCommand),
    // What no client notices is not waited for by whoever wants a cluster that works.
    ifSteady: isWhole && wish?.isRepair !== true ? steady.filter(({ type }) => type === 'repair slots') : steady,
    waitsFor: wish?.isRepair === true ? [] : problems,
  };
}

function withMembers({ spec, members }: Scene): Spec {
  return { ...spec, nodes: members };
}

/** What keeps the cluster from being whole, be it in another shape than the YAML file's. */
function findProblems({ spec, former, views }: Scene): string[] {
  return findClusterProblems(inItsShape(expectationOf(spec, former), views), views);
}

/** Open slots that belong to a move which the shape phase goes on with, and are no damage. */
function slotsOfShape({ spec, views, wish }: Scene, isWhole: boolean): ReadonlySet<number> {
  if (wish !== undefined) return new Set();
  const reachable = views.filter(isReachable);
  const isMoving = !isWhole || planShape(spec, reachable).some(({ type }) => type === 'move slots');
  return new Set(isMoving ? findOpenMoves(reachable).begun.flatMap(({ slots }) => slots) : []);
}

function shape({ spec, views }: Scene): Partial<Next> {
  return { actions: planShape(spec, views.filter(isReachable)) };
}

/** Who is to be restarted with all others, or does not answer anyway. */
function urgentRestarts(scene: Scene): Partial<Next> {
  const isRolling = scene.wish?.restart?.isRolling === true;
  const urgent = findRestarts(scene).filter(({ node }) => !isRolling || scene.silent.has(node));
  return { actions: urgent.map(({ action }) => action) };
}

function disruption(scene: Scene): Partial<Next> {
  const { spec, wanted, engine: observed, views, done, wish } = scene;
  const restarts = findRestarts(scene);
  const planned = wish === undefined ? planUp(spec, wanted, observed) : restarts.map(({ action }) => action);
  // An engine that makes of a definition something else than was asked for would have its turn for ever.
  const isNew = (node: string): boolean => done.has(keyOf('create container', containerName(spec.name, node)));
  const waiting =
    wish === undefined
      ? findDisruptive(wanted, observed, planned).filter((node) => !isNew(node))
      : restarts.map(({ node }) => node);
  const present = views.filter(({ name }) => spec.nodes.some((node) => node.name === name));
  const turnOf = ({ node, heir }: RollStep): Pick<Next, 'conflicts' | 'actions'> => {
    const own = planned.filter(({ target }) => target === containerName(spec.name, node));
    const { actions, conflicts } = planSaving({ ...scene, engine: observed }, own);
    if (heir === undefined) return { conflicts, actions: warned(findUnserved(views, [node]), actions) };
    return { conflicts, actions: handedOver(node, heir, own[0]?.cause ?? '', actions) };
  };
  const first = nextRollStep(present, waiting);
  if (first === undefined) return {};
  const others = waiting.filter((node) => node !== first.node).flatMap((node) => nextRollStep(present, [node]) ?? []);
  return { ...turnOf(first), later: others.flatMap((step) => turnOf(step).actions) };
}

/** Those that have not been restarted yet. */
function findRestarts({ spec, wish, done }: Scene): { readonly node: string; readonly action: Action }[] {
  return (wish?.restart?.nodes ?? [])
    .map((node) => ({ node, action: newAction('restart container', containerName(spec.name, node), 'asked for') }))
    .filter(({ action }) => !done.has(actionKey(action)));
}

/** A primary of which no replica can take over. */
function warned([bare]: readonly ReachableView[], actions: readonly Action[]): Action[] {
  const [first, ...rest] = actions;
  if (bare === undefined || first === undefined) return [...actions];
  const slots = formatRanges(bare.table.myself.slots);
  const cause = `${first.cause}; ${bare.name} has no replica: slots ${slots} are not served until it is back`;
  return [{ ...first, cause }, ...rest];
}

/** A primary hands over to a replica before it is stopped, so that nobody who serves clients ever is. */
function handedOver(node: string, heir: string, cause: string, actions: readonly Action[]): Action[] {
  const handOver = newAction('fail over', heir, cause, { from: node });
  return [handOver, ...actions.map((action) => ({ ...action, after: [...action.after, actionKey(handOver)] }))];
}
