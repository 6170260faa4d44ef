import { rangesOf } from '../../cluster/slots/slots.ts';
import { isBootstrapping, isPhantom } from '../../cluster/nodes/bootstrap-table.ts';
import { list, slotsText } from '../../cluster/findings/finding.ts';
import { unwrittenFile } from '../../cluster/findings/write-refusals.ts';
import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { epochOf, groupBy, surveySlots, type SlotClaims } from '../../cluster/slots/slot-survey.ts';
import { isReachable, replicationOffset, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { primariesOf, type Spec } from '../../spec/spec.ts';
import { meetingPlace, replicasOf } from './among-nodes.ts';
import { areAllLinked, isLinked, knows, planCluster } from './plan-cluster.ts';
import { planSlotRepairs, type KeyFacts } from './plan-slot-repairs.ts';
import { newAction, type Action } from '../model/action.ts';

/** What a plan needs to know beyond the nodes' views. */
export interface RepairFacts extends KeyFacts {
  /** There are volumes of nodes that are not in the YAML file: one of them may hold what a lost node had. */
  readonly hasOtherVolumes: boolean;
}

/**
 * The next steps that bring a damaged cluster back to a whole one, from what the nodes say right now and from where the
 * keys of the doubtful slots are. Empty means that there is nothing to do, or nothing that can be done: the findings
 * tell which. Observe and ask again after each round.
 *
 * No step deletes a key that has no other copy, but those that say that they are destructive.
 */
export function planRepair(
  spec: Spec,
  views: readonly NodeView[],
  facts: RepairFacts,
  except: ReadonlySet<number> = new Set(),
): Action[] {
  const reachable = views.filter(isReachable);
  const actions = planCluster(spec, views);
  const survey = surveySlots(reachable)
    .map((claims) => ({ ...claims, slots: claims.slots.filter((slot) => !except.has(slot)) }))
    .filter(({ slots }) => slots.length > 0);
  // Who is away may own a slot, or hold its keys. And a cluster that is about to begin hands out its slots itself.
  const isBeginning = reachable.some(({ table }) => isBootstrapping(table)) || isBlankCluster(reachable);
  const saves = planSaves(reachable);
  if (reachable.length < views.length || isBeginning) return [...actions, ...saves];

  const slots = planSlotRepairs(reachable, survey, facts, primariesOf(spec).length);
  // Nodes that meet tell each other of their slots, and Redis deletes the keys of a slot that a node loses so.
  const rescues = slots.filter(({ losers }) => losers.length > 0);
  if (rescues.length > 0) return rescues;
  // Nobody takes a key who refuses writes.
  if (saves.length > 0) return [...actions, ...saves];
  return [
    ...actions,
    // Slots are given to nodes that everybody hears of.
    ...slots.filter(({ owner }) => owner !== undefined || (actions.length === 0 && areAllLinked(reachable))),
    ...planLostOwners(reachable, survey, { ...facts, isOneHost: spec.hosts.length === 0 }),
    ...planEpochs(reachable),
    ...(actions.length === 0 ? [...planIntroductions(spec, reachable), ...planEvenReplicas(spec, reachable)] : []),
  ];
}

function isBlankCluster(views: readonly ReachableView[]): boolean {
  return views.every(({ table, keyCount }) => keyCount === 0 && table.rows.every(({ slots }) => slots.length === 0));
}

function planSaves(views: readonly ReachableView[]): Action[] {
  const cause = 'its last save failed, and it refuses writes until one succeeds (MISCONF)';
  const refusing = views.filter((view) => unwrittenFile(view) === 'dump.rdb');
  return refusing.map(({ name }) => newAction('save dump', name, cause));
}

/** Slots whose owner is none of the stack's nodes and doesn't answer: a replica of it takes over, or it is forgotten. */
function planLostOwners(
  views: readonly ReachableView[],
  survey: readonly SlotClaims[],
  { hasOtherVolumes, isOneHost }: Pick<RepairFacts, 'hasOtherVolumes'> & { readonly isOneHost: boolean },
): Action[] {
  const own = new Set(views.map(({ table }) => table.myself.id));
  const orphaned = survey.flatMap(({ slots, claimants, believed }) => {
    const id = believed.find((one) => one !== undefined && !own.has(one));
    return claimants.length > 0 || id === undefined ? [] : [{ slots, id }];
  });
  return groupBy(orphaned, ({ id }) => id).flatMap((group): Action[] => {
    const id = group[0]?.id ?? '';
    const rows = views.flatMap(({ table }) => table.rows.filter((row) => row.id === id));
    if (!rows.every(isGone)) return [];
    const name = id.slice(0, 8);
    const slots = slotsText(rangesOf(group.flatMap(({ slots: some }) => some)));
    // It has no address any more where another id answers at the one that it had: it can't come back there.
    const isReplaced = rows.some(
      (row) => row.ip === '' || views.some(({ table }) => busAddress(table.myself) === busAddress(row)),
    );
    const [replica] = replicasOf(views, id).toSorted((one, other) => replicationOffset(other) - replicationOffset(one));
    if (replica !== undefined) {
      const loss = isReplaced ? '' : ', and the last writes there may be lost';
      const cause = `its primary ${name}, which owns ${slots}, is gone${loss}; its copy has ${replica.keyCount} keys`;
      return [newAction('take over', replica.name, cause, {}, { destructive: !isReplaced || hasOtherVolumes })];
    }
    if (isPhantom(id)) {
      return [newAction('forget owner', name, `it only held ${slots}, without a key`, { nodeId: id })];
    }
    // Where another node stands in its place, its data went with its volume: nothing that could come back is given up. But
    // of several hosts one may have been taken out of the YAML file, and still have it.
    const cause = `it is gone, and nobody has a copy: the keys of ${slots} are lost, and the slots begin empty`;
    const destructive = !isReplaced || hasOtherVolumes || !isOneHost;
    return [newAction('forget owner', name, cause, { nodeId: id }, { destructive })];
  });
}

function isGone({ flags, connected }: NodeRow): boolean {
  // To an address that nobody has Redis is always about to connect, which it calls connected.
  return flags.has('fail') || (!connected && (flags.has('fail?') || flags.has('noaddr')));
}

function planEpochs(views: readonly ReachableView[]): Action[] {
  const owners = views.filter(({ table: { myself } }) => myself.role === 'primary' && myself.slots.length > 0);
  return groupBy(owners, (view) => String(epochOf(view))).flatMap((group) => {
    const cause = `${list(group.map(({ name }) => name))} have the same config epoch`;
    return group.slice(1).map(({ name }) => newAction('bump epoch', name, cause));
  });
}

/**
 * Two nodes that somebody made forget each other. A third one that is linked with both shows that they are of one
 * cluster, whose slots are settled: it would introduce them by and by.
 */
function planIntroductions(spec: Spec, views: readonly ReachableView[]): Action[] {
  return views.flatMap((view, index) =>
    views.slice(index + 1).flatMap((other): Action[] => {
      const areStrangers = !knows(view, other) && !knows(other, view);
      const friend = views.find((one) => one !== view && one !== other && isLinked(one, view) && isLinked(one, other));
      if (!areStrangers || friend === undefined) return [];
      const cause = `it doesn't know ${other.name}, and ${friend.name} knows both`;
      return [newAction('meet', view.name, cause, meetingPlace(spec, other))];
    }),
  );
}

/** A primary without a replica gets one from the primary that has most, where each is to have some. */
function planEvenReplicas(spec: Spec, views: readonly ReachableView[]): Action[] {
  const followersOf = ({ table }: ReachableView): ReachableView[] => replicasOf(views, table.myself.id);
  const owners = views.filter(({ table: { myself } }) => myself.slots.length > 0);
  const bare = owners.find((view) => followersOf(view).length === 0);
  const [richest] = owners.toSorted((one, other) => followersOf(other).length - followersOf(one).length);
  if (owners.length !== primariesOf(spec).length || bare === undefined || richest === undefined) return [];
  const followers = followersOf(richest);
  const spare = followers.at(-1);
  if (spare === undefined || followers.length < 2) return [];
  const cause = `${bare.name} has no replica, and ${richest.name} has ${followers.length}`;
  return [newAction('replicate', spare.name, cause, { primaryId: bare.table.myself.id, primary: bare.name })];
}
