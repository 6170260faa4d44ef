import { isBootstrapping, isPhantom, phantomRows } from '../../cluster/nodes/bootstrap-table.ts';
import type { NodeRow } from '../../cluster/nodes/node-table.ts';
import { divideSlots, type SlotRange } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { clusterPort, CONTAINER_PORTS, primariesOf, type Spec } from '../../spec/spec.ts';

/** One cluster command, sent to `node`. */
export type ClusterAction = { readonly node: string; readonly cause: string } & (
  | { readonly type: 'take over' }
  | { readonly type: 'forget'; readonly nodeId: string }
  | { readonly type: 'meet'; readonly ip: string; readonly port: number; readonly busPort: number }
  | { readonly type: 'add slots'; readonly range: SlotRange }
  | { readonly type: 'replicate'; readonly primaryId: string }
);

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

/** Bootstrap, step 1: once every link stands and a node is `ok`, it may become a primary and stays `ok`. */
function planTakeovers(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (views.length < spec.nodes.length || !views.every((view) => isLinkedToAll(view, views))) return [];
  return views
    .filter(({ table, info, name }) => isBootstrapping(table) && info.state === 'ok' && isInitialPrimary(spec, name))
    .map(({ name }) => ({ type: 'take over', node: name, cause: 'its slots are still held for it' }));
}

/** Bootstrap, step 2: when nobody believes any more that a phantom owns slots. Not sooner: a slot would have no owner. */
function planForgetting(_spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  const phantomsAreEmpty = views.every(({ table }) => phantomRows(table).every(({ slots }) => slots.length === 0));
  if (!phantomsAreEmpty) return [];
  return views.flatMap(({ name, table }) =>
    phantomRows(table)
      // A replica can't forget its own primary. It follows the new one by itself, or by `planReplicas`.
      .filter(({ id }) => id !== table.myself.primaryId)
      .map(({ id }) => ({ type: 'forget', node: name, nodeId: id, cause: 'it only held the slots' })),
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
      const { ip } = other.table.myself;
      const cause = areRelated ? `it has an old address of ${other.name}` : `it doesn't know ${other.name}`;
      return [{ type: 'meet', node: view.name, ip, port: clusterPort(spec), busPort: CONTAINER_PORTS.bus, cause }];
    }),
  );
}

/**
 * The slow way to a new cluster: for nodes that were started without a node table. Also goes on where such a way was
 * interrupted, as long as no node has a key and every slot that has an owner has the one that it should have.
 */
function planSlots(spec: Spec, views: readonly ReachableView[]): ClusterAction[] {
  if (views.length < spec.nodes.length || views.some(({ keyCount }) => keyCount > 0)) return [];
  if (!views.every((view) => isLinkedToAll(view, views))) return [];
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
    return [{ type: 'add slots', node: name, range, cause: 'no slot of these has an owner' }];
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
  const replicaCount = ({ table: { myself } }: ReachableView): number =>
    present.filter((view) => view.table.myself.primaryId === myself.id).length;
  return present.flatMap((view): ClusterAction[] => {
    const { myself } = view.table;
    const isEmptyPrimary = myself.role === 'primary' && myself.slots.length === 0 && view.keyCount === 0;
    if (!isEmptyPrimary && !isPhantom(myself.primaryId) && !followsIdlePrimary(view)) return [];
    const initial = spec.nodes.find(({ name }) => name === view.name)?.initialPrimary;
    const [neediest] = owners.toSorted((one, other) => replicaCount(one) - replicaCount(other));
    const primary = owners.find(({ name }) => name === initial) ?? neediest;
    // The node itself has to know that this primary has begun: it would refuse, or copy a primary without slots.
    if (primary === undefined || (rowOf(view, primary)?.slots.length ?? 0) === 0) return [];
    const primaryId = primary.table.myself.id;
    return [{ type: 'replicate', node: view.name, primaryId, cause: `it is to be a replica of ${primary.name}` }];
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
      .map(({ id }) => ({ type: 'forget', node: name, nodeId: id, cause: 'it is gone, and owns nothing' })),
  );
}

function isInitialPrimary(spec: Spec, name: string): boolean {
  return spec.nodes.some((node) => node.name === name && node.initialRole === 'primary');
}

function rowOf(view: ReachableView, other: ReachableView): NodeRow | undefined {
  return view.table.rows.find(({ id }) => id === other.table.myself.id);
}

export function knows(view: ReachableView, other: ReachableView): boolean {
  return rowOf(view, other) !== undefined;
}

/** `view` knows `other` under the address that it has. */
export function isAcquainted(view: ReachableView, other: ReachableView): boolean {
  return rowOf(view, other)?.ip === other.table.myself.ip;
}

function isLinkedToAll(view: ReachableView, views: readonly ReachableView[]): boolean {
  return views.every((other) => other === view || rowOf(view, other)?.connected === true);
}

/** Whether all of them are acquainted, be it through others. A new node between two clusters would merge them, too. */
function areOneCluster(views: readonly ReachableView[]): boolean {
  const [first, ...rest] = views;
  const reached = first === undefined ? [] : [first];
  let unreached = rest;
  for (const view of reached) {
    const related = unreached.filter((other) => knows(view, other) || knows(other, view));
    reached.push(...related);
    unreached = unreached.filter((other) => !related.includes(other));
  }
  return unreached.length === 0;
}

export function isBlank({ table, keyCount }: ReachableView): boolean {
  return table.rows.every(({ slots }) => slots.length === 0) && table.myself.role === 'primary' && keyCount === 0;
}
