import { findClusterProblems } from '../cluster/findings/health.ts';
import { findFullNodes } from '../cluster/findings/write-refusals.ts';
import { isReachable } from '../cluster/nodes/view.ts';
import { expectationOf, inItsShape } from './cluster/expectation.ts';
import { planCluster } from './cluster/plan-cluster.ts';
import { planTables, planTakeOvers } from './cluster/plan-lost-nodes.ts';
import { planRepair } from './cluster/plan-repair.ts';
import { findDisruptive } from './cluster/plan-roll.ts';
import { findBegunMoves, planShape } from './cluster/plan-shape.ts';
import { disruption, urgentRestarts } from './disruption.ts';
import { findConflicts } from './engine/conflicts.ts';
import { findUnreadable } from './engine/other-server.ts';
import { findElsewhere, findMoves, findUnknown, planLeftVolumes, settle } from './engine/places.ts';
import { afterStops, planProxy } from './engine/plan-proxy.ts';
import { planSaving } from './engine/plan-saving.ts';
import { planUp } from './engine/plan-up.ts';
import { actionKey, type Action, type ActionType } from './model/action.ts';
import { asMade } from './model/host-ports.ts';
import { containerName } from './model/names.ts';
import type { Snapshot } from './model/snapshot.ts';
import { findLeaver, planIdleDepartures } from './moves.ts';
import { planNodes } from './node/plan-nodes.ts';
import type { Desired, Next, Scene } from './scene.ts';
import { upkeepOf } from './upkeep.ts';

/** Whether what comes after these actions is only known when they are done. */
export function mayGoOn(actions: readonly Action[]): boolean {
  return actions.some(({ type }) => !LAST.has(type));
}

const LAST: ReadonlySet<ActionType> = new Set([
  'update container',
  'disconnect container',
  'connect container',
  'start proxy',
  'reload proxy',
  'restart proxy',
  'drop other passwords',
  'renew certificate',
  'set config',
  'write configuration',
  'bump epoch',
  'repair slots',
  'save dump',
]);

const NOTHING: Next = { conflicts: [], actions: [], ifSteady: [], waitsFor: [], later: () => [] };

/**
 * The next actions from what is to what should be: those of the first phase that has work. Empty, without anything to wait
 * for, means that all is as it should be.
 *
 * 1. engine: conflicts; network, volumes and containers, as far as nobody who runs is disturbed; the proxy.
 * 2. nodes: passwords, certificates and settings of nodes that run.
 * 3. cluster: formation, membership, repair.
 * 4. shape: slots to where the YAML file wants them, nodes that left it out of the cluster.
 * 5. tidying: what nodes have left on hosts that they moved away from.
 * 6. disruption: containers that have to be recreated or to move to another host, and restarts that were asked for, one node
 *    at a time.
 * 7. room: nobody is out of memory. Last, as any of these may make some.
 *
 * @param done keys of the actions that this run has carried out
 */
export function planNext(desired: Desired, seen: Snapshot, done: Scene['done']): Next {
  const settled = settle(desired, seen);
  const moves = findMoves(desired.spec, settled.spec);
  const members = [...desired.spec.nodes, ...seen.former];
  const scene: Scene = { ...settled, ...seen, done, members, goal: desired.wanted, moves };
  const { wish, upkeep } = desired;
  const ofAll = [engine, nodes, cluster, shape, tidying, disruption, room];
  const phases =
    wish === undefined
      ? // Without a host, or unasked, nothing is moved, and nobody else is disturbed.
        ofAll.slice(0, seen.engine.away.size > 0 || upkeep !== undefined ? 3 : undefined)
      : [...(wish.restart === undefined ? [] : [urgentRestarts]), cluster, disruption];
  for (const phase of phases) {
    const found = { ...NOTHING, ...phase(scene) };
    const planned = { ...found, ifSteady: upkeepOf(found.ifSteady, scene) };
    const actions = upkeepOf(found.actions, scene).filter((action) => !isSpent(action, done));
    if (planned.conflicts.length + actions.length + planned.ifSteady.length + planned.waitsFor.length === 0) continue;
    if (phase === disruption || wish !== undefined || upkeep !== undefined) return { ...planned, actions };
    // Whoever waits for his turn is known long before.
    return { ...planned, actions, later: () => [...planned.later(), ...disruptionIn(scene)] };
  }
  return NOTHING;
}

function disruptionIn(scene: Scene): readonly Action[] {
  const { actions = [], later = () => [] } = disruption(scene);
  return [...actions, ...later()];
}

/** What a node or the engine has taken and not kept, it will not keep the second time either. */
function isSpent(action: Action, done: Scene['done']): boolean {
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

function engine(scene: Scene): Partial<Next> {
  const { spec, wanted, goal, moves, engine: observed, obstacles, views, damagedTables, done } = scene;
  const own = findConflicts(spec.name, wanted, observed);
  // Before a node leaves its host, nobody may have its ports on the other one.
  const beyond = moves.length === 0 ? [] : findConflicts(spec.name, goal, observed);
  const conflicts = [
    ...own,
    ...beyond.filter(({ message }) => !own.some((one) => one.message === message)),
    ...findUnreadable(spec.name, wanted, observed, views),
    ...obstacles,
  ];
  const elsewhere = findElsewhere(spec, scene).map(({ name }) => name);
  const departures = planIdleDepartures(scene);
  const isLeaving = (container: string): boolean => departures.some(({ target }) => target === container);
  const isElsewhere = (container: string): boolean =>
    elsewhere.some((node) => containerName(spec.name, node) === container);
  const all = [
    ...planUp(spec, wanted, observed, done).filter(({ target }) => !isElsewhere(target) && !isLeaving(target)),
    ...departures,
  ];
  const waiting = new Set(findWaiting(scene, all).map((node) => containerName(spec.name, node)));
  // Started as it is, such a node would only end again.
  const tables = findTables(scene).filter(({ target }) => damagedTables.has(target));
  const damaged = new Set(tables.map(({ target }) => containerName(spec.name, target)));
  const now = all.filter(({ target }) => !waiting.has(target) && !damaged.has(target));
  const saving = planSaving(scene, now);
  const proxies = planProxy(spec, wanted, observed, now);
  if (conflicts.length + saving.conflicts.length + now.length + tables.length + proxies.length > 0) {
    return {
      conflicts: [...conflicts, ...saving.conflicts],
      actions: [...afterStops(saving.actions, proxies), ...tables, ...proxies],
      later: () => nodes(scene).actions ?? [],
    };
  }
  const copies = [...observed.copies].filter(([node]) => !elsewhere.includes(node));
  const { actions, waitsFor } = planTakeOvers(spec, views, new Map(copies));
  return { actions, waitsFor: [...waitsFor, ...elsewhere.map(elsewhereText)] };
}

function elsewhereText(node: string): string {
  return `${node} answers the other nodes, and is on none of the hosts in the YAML file: put its host back there`;
}

/** Nodes that run, and whose containers are recreated when their turn comes. Whoever is silent is disturbed by nothing. */
function findWaiting({ wanted, engine: observed, silent }: Scene, planned: readonly Action[]): string[] {
  return findDisruptive(wanted, observed, planned).filter((node) => !silent.has(node));
}

function nodes({ spec, wanted, engine: observed, passwords, settings, certificates }: Scene): Partial<Next> {
  return planNodes(spec, wanted, { config: observed.config, passwords, settings, certificates });
}

function cluster(scene: Scene): Partial<Next> {
  const { spec, views, facts, members, wish } = scene;
  const tables = findTables(scene);
  // What has its table again is who it was, and needs no other repair.
  if (tables.length > 0) return { ifSteady: tables };
  const commands = planCluster(spec, views);
  const problems = commands.length > 0 ? [] : findProblems(scene);
  const repairs = planRepair({ ...spec, nodes: members }, views, facts, slotsOfShape(scene, problems.length === 0));
  const commandKeys = new Set(commands.map(actionKey));
  const isCommand = (action: Action): boolean => commandKeys.has(actionKey(action));
  const isWhole = problems.length === 0 && commands.length === 0;
  const steady = repairs.filter((action) => !isCommand(action));
  return {
    // A rescue comes before anything else: it is planned alone.
    actions: repairs.filter(isCommand),
    // What no client notices is not waited for by whoever wants a cluster that works.
    ifSteady: isWhole && wish?.isRepair !== true ? steady.filter(({ type }) => type === 'repair slots') : steady,
    waitsFor: wish?.isRepair === true ? [] : scene.engine.away.size > 0 ? findUnanswered(scene) : problems,
  };
}

/** Node tables that are to be given back, and have not been in this run. */
function findTables({ spec, views, damagedTables, done }: Scene): ReturnType<typeof planTables> {
  return planTables(spec, views, damagedTables).filter((action) => !done.has(actionKey(action)));
}

/** What keeps the cluster from being whole, be it in another shape than the YAML file's. */
function findProblems({ spec, former, views, engine: { containers } }: Scene): string[] {
  return findClusterProblems(inItsShape(expectationOf(asMade(spec, containers), former), views), views);
}

/** Nodes on hosts that answer. What the others keep from being whole is not waited for. */
function findUnanswered({ spec, views, engine: observed }: Scene): string[] {
  const unknown = findUnknown(spec, observed);
  return views.flatMap((view) =>
    view.reachable || unknown.includes(view.name) ? [] : [`${view.name} does not answer: ${view.reason}`],
  );
}

/** Open slots that belong to a move which the shape phase goes on with, and are no damage. */
function slotsOfShape(scene: Scene, isWhole: boolean): ReadonlySet<number> {
  const { spec, views, wish, facts } = scene;
  const { keys } = facts;
  if (wish !== undefined) return new Set();
  const reachable = views.filter(isReachable);
  const isMoving =
    !isWhole || planShape(spec, reachable, keys, findLeaver(scene)).some(({ type }) => type === 'move slots');
  return new Set(isMoving ? findBegunMoves(reachable, keys).flatMap(({ slots }) => slots) : []);
}

function room({ views }: Scene): Partial<Next> {
  return { waitsFor: findFullNodes(views.filter(isReachable)).map(({ text }) => text) };
}

function shape(scene: Scene): Partial<Next> {
  const { spec, views, facts } = scene;
  return { actions: planShape(spec, views.filter(isReachable), facts.keys, findLeaver(scene)) };
}

function tidying({ spec, engine: observed }: Scene): Partial<Next> {
  return { actions: planLeftVolumes(spec, observed) };
}
