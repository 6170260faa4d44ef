import { isBootstrapping, isPhantom, phantomRows } from '../../cluster/nodes/bootstrap-table.ts';
import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { divideSlots } from '../../cluster/slots/slots.ts';
import { isReachable, rowOf, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { primariesOf, type Spec } from '../../spec/spec.ts';
import { meetingPlace, replicasOf } from './among-nodes.ts';
import { newAction, type ActionOf } from '../model/action.ts';

export type ClusterAction = ActionOf<'take over' | 'forget' | 'meet' | 'add slots' | 'replicate'>;

/**
 * The next commands on the way to one cluster, from what the nodes say right now. Empty means: nothing to send, whether
 * all is well or something has to come about by itself. Ask again until the cluster is healthy: facts that only exist
 * once something runs are observed, never guessed.
 *
 * Nothing here takes slots from a node that holds data: slots are handed out only where nobody owns them and no node
 * has a key.
 */
export function planCluster(spec: Spec, views: readonly NodeView[]): ClusterAction[] {
  const reachable = views.filter(isReachable);
  const steps = [planMeetings, planTakeovers, planForgetting, planSlots, planReplicas, planGhosts];
  for (const step of steps) {
    const actions = step(spec, reachable);
    if (actions.length > 0) return actions;
  }
  return [];
}

/**
 * Bootstrap, step 1: once every link stands and a node is `ok`, it may become a primary and stays `ok`. Where nodes that were slow
 * to find each other miss the phantom, it won't be `ok` before; and with too few real primaries nobody ever calls that `fail`.
 */
function planTakeovers(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (views.length < spec.nodes.length || !areAllLinked(views)) return [];
  return views
    .filter(({ table, name }) => isBootstrapping(table) && isInitialPrimary(spec, name))
    .filter((view) => view.info.state === 'ok' || isMissed(view, view.table.myself.primaryId))
    .map(({ name }) => newAction('take over', name, 'its slots are still held for it'));
}

/** Bootstrap, step 2: when nobody believes any more that a phantom owns slots. Not sooner: a slot would have no owner. */
function planForgetting(_spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  const phantomsAreEmpty = views.every(({ table }) => phantomRows(table).every(({ slots }) => slots.length === 0));
  if (!phantomsAreEmpty) return [];
  return views.flatMap(({ name, table }) =>
    phantomRows(table)
      // A replica can't forget its own primary. It follows the new one by itself, or by `planReplicas`.
      .filter(({ id }) => id !== table.myself.primaryId)
      .map(({ id }) => newAction('forget', name, 'it only held the slots', { nodeId: id })),
  );
}

/**
 * Nodes that don't know each other, or only under an address that is no longer theirs. Only where no data can be lost by
 * it: two nodes with data that don't know each other may be two clusters, and one would lose its keys in the merger.
 */
function planMeetings(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (!areOneCluster(views.filter((view) => !isBlank(view)))) return [];
  return views.flatMap((view, index) =>
    views.slice(index + 1).flatMap((other): ClusterAction[] => {
      if (isAcquainted(view, other) && isAcquainted(other, view)) return [];
      const areRelated = knows(view, other) || knows(other, view);
      if (!areRelated && !isBlank(view) && !isBlank(other)) return [];
      const cause = areRelated ? `it has an old address of ${other.name}` : `it doesn't know ${other.name}`;
      return [newAction('meet', view.name, cause, meetingPlace(spec, other))];
    }),
  );
}

/**
 * The slow way to a new cluster: for nodes that were started without a node table. Also goes on where such a way was
 * interrupted, as long as no node has a key and every slot that has an owner has the one that it should have.
 */
function planSlots(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (views.length < spec.nodes.length || views.some(({ keyCount }) => keyCount > 0)) return [];
  if (!areAllLinked(views)) return [];
  const primaries = primariesOf(spec);
  const wanted = new Map(divideSlots(primaries.length).map((range, index) => [primaries[index]?.name, range]));
  const isOnTheWay = views.every(({ name, table: { myself } }) => {
    const range = wanted.get(name);
    return myself.slots.every(({ start, end }) => start === range?.start && end === range.end);
  });
  const ids = new Set(views.map(({ table }) => table.myself.id));
  const isOwnedElsewhere = views.some(({ table }) =>
    table.rows.some(({ id, slots }) => slots.length > 0 && !ids.has(id)),
  );
  if (!isOnTheWay || isOwnedElsewhere || views.some(({ table }) => isBootstrapping(table))) return [];
  return views.flatMap(({ name, table: { myself } }): ClusterAction[] => {
    const range = wanted.get(name);
    if (range === undefined || myself.role === 'replica' || myself.slots.length > 0) return [];
    return [newAction('add slots', name, 'no node owns them', { range })];
  });
}

/**
 * A replica whose primary never existed, or has given all its slots away, and primaries that own nothing where the YAML
 * file asks for replicas: also one that lost its data and its slots to its replica while it was away.
 */
function planReplicas(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (spec.redis.replicas === 0) return [];
  const present = views.filter((view) => spec.nodes.some(({ name }) => name === view.name));
  const owners = present.filter(({ table: { myself } }) => myself.slots.length > 0);
  if (owners.length < primariesOf(spec).length) return [];
  const hosts = new Map(spec.nodes.map(({ name, host }) => [name, host]));
  const planned: string[] = [];
  const replicaCount = ({ table: { myself } }: ReachableView): number =>
    replicasOf(present, myself.id).length + planned.filter((id) => id === myself.id).length;
  const initialOf = ({ name }: ReachableView): ReachableView | undefined => {
    const initial = spec.nodes.find((node) => node.name === name)?.initialPrimary;
    return owners.find((owner) => owner.name === initial);
  };
  // Whoever has a place of his own has it before the others are divided.
  const inOrder = [...present.filter(initialOf), ...present.filter((view) => initialOf(view) === undefined)];
  return inOrder.flatMap((view): ClusterAction[] => {
    const { myself } = view.table;
    const isEmptyPrimary = myself.role === 'primary' && myself.slots.length === 0 && view.keyCount === 0;
    if (!isEmptyPrimary && !isPhantom(myself.primaryId) && !followsIdlePrimary(view)) return [];
    // On one engine all are beside each other.
    const isBeside = (owner: ReachableView): number => Number(hosts.get(owner.name) === hosts.get(view.name));
    const [neediest] = owners.toSorted(
      (one, other) => isBeside(one) - isBeside(other) || replicaCount(one) - replicaCount(other),
    );
    const primary = initialOf(view) ?? neediest;
    // The node itself has to know that this primary has begun: it would refuse, or copy a primary without slots.
    if (primary === undefined || (rowOf(view, primary.table.myself.id)?.slots.length ?? 0) === 0) return [];
    const primaryId = primary.table.myself.id;
    planned.push(primaryId);
    const cause = 'the YAML file asks for replicas';
    return [newAction('replicate', view.name, cause, { primaryId, primary: primary.name })];
  });
}

function followsIdlePrimary({ table: { myself, rows } }: ReachableView): boolean {
  return rows.some(({ id, slots }) => id === myself.primaryId && slots.length === 0);
}

/** Nodes that nobody has any more: removed from the YAML file, or lost with their data and replaced under a new id. */
function planGhosts(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (views.length < spec.nodes.length) return [];
  const ids = new Set(views.map(({ table }) => table.myself.id));
  const rows = views.flatMap(({ table }) => table.rows);
  const isGhost = ({ id, flags }: NodeRow): boolean =>
    !ids.has(id) &&
    !isPhantom(id) &&
    (flags.has('fail') || flags.has('noaddr')) &&
    !flags.has('handshake') &&
    // As long as anybody believes that it owns slots, its keys may come back with it.
    !rows.some((row) => row.id === id && row.slots.length > 0);
  return views.flatMap(({ name, table }) =>
    table.rows
      .filter((row) => isGhost(row) && row.id !== table.myself.primaryId)
      .map(({ id }) => newAction('forget', name, 'it is gone, and owns nothing', { nodeId: id })),
  );
}

function isMissed(view: ReachableView, id = ''): boolean {
  const flags = rowOf(view, id)?.flags;
  return flags !== undefined && (flags.has('fail') || flags.has('fail?'));
}

function isInitialPrimary(spec: Spec, name: string): boolean {
  return spec.nodes.some((node) => node.name === name && node.initialRole === 'primary');
}

export function knows(view: ReachableView, other: ReachableView): boolean {
  return rowOf(view, other.table.myself.id) !== undefined;
}

/** `view` knows `other` under the address that it has. */
export function isAcquainted(view: ReachableView, other: ReachableView): boolean {
  const row = rowOf(view, other.table.myself.id);
  return row !== undefined && busAddress(row) === busAddress(other.table.myself);
}

export function isLinked(view: ReachableView, other: ReachableView): boolean {
  return rowOf(view, other.table.myself.id)?.connected === true;
}

export function areAllLinked(views: readonly ReachableView[]): boolean {
  return views.every((view) => views.every((other) => other === view || isLinked(view, other)));
}

/** Whether all of them are acquainted, be it through others. A new node between two clusters would merge them, too. */
function areOneCluster([first, ...rest]: readonly ReachableView[]): boolean {
  return first === undefined || acquaintancesOf(first, rest).length === rest.length;
}

/** All that `start` knows or is known by, be it through others. */
export function acquaintancesOf(start: ReachableView, others: readonly ReachableView[]): ReachableView[] {
  const reached = [start];
  for (const view of reached) {
    reached.push(...others.filter((one) => !reached.includes(one) && (knows(view, one) || knows(one, view))));
  }
  return reached.slice(1);
}

export function isBlank({ table, keyCount }: ReachableView): boolean {
  return table.rows.every(({ slots }) => slots.length === 0) && table.myself.role === 'primary' && keyCount === 0;
}
