import { list, seenCluster, type Finding, type SeenCluster } from './finding.ts';
import type { Expectation } from './health.ts';
import { acquaintanceFindings } from './node-findings.ts';
import { slotFindings } from './slot-findings.ts';
import type { NodeView, ReachableView } from '../nodes/view.ts';
import { countSlots, SLOT_COUNT } from '../slots/slots.ts';

/** Everything that is wrong with the cluster, what matters most first; empty when it is whole and as it is asked for. */
export function findFindings(expected: Expectation, views: readonly NodeView[]): Finding[] {
  const cluster = seenCluster(expected, views);
  const causes = [
    ...absentNodes(views),
    ...slotFindings(cluster),
    ...acquaintanceFindings(cluster),
    ...roleFindings(cluster),
  ];
  return [...clusterStates(cluster, causes), ...causes];
}

function absentNodes(views: readonly NodeView[]): Finding[] {
  return views.flatMap((view): Finding[] => {
    if (view.reachable) return [];
    const mend = view.mend === 'restart' ? (`restart ${view.name}` as const) : 'up';
    return [{ kind: 'no answer', node: view.name, text: `${view.name} does not answer: ${view.reason}`, mend }];
  });
}

/** It follows from something else, as a rule, and is repaired with it. */
function clusterStates({ reachable }: SeenCluster, causes: readonly Finding[]): Finding[] {
  const failing = reachable.filter(({ info }) => info.state !== 'ok').map(({ name }) => name);
  if (failing.length === 0) return [];
  const mend = causes.find((one) => one.mend !== 'cluster wait')?.mend ?? 'cluster wait';
  const node = failing.length === 1 ? failing[0] : undefined;
  return [{ kind: 'cluster state', node, text: `cluster_state is fail on ${list(failing)}`, mend }];
}

/** Whether there are as many primaries and replicas as the YAML file asks for, and every replica has its copy. */
function roleFindings(cluster: SeenCluster): Finding[] {
  const { expected, reachable } = cluster;
  const replicas = reachable.filter(({ table }) => table.myself.role === 'replica');
  const owners = reachable.filter(({ table: { myself } }) => myself.slots.length > 0);
  const empty = replicas
    .filter(({ replicationLink }) => replicationLink === 'down')
    .map(({ name }): Finding => {
      const text = `${name} has no copy of its primary yet`;
      return { kind: 'no copy', node: name, text, mend: 'cluster wait' };
    });
  // While nodes are away nobody can tell what they would be.
  if (reachable.length < expected.addresses.size) return empty;
  return [...empty, ...tooFewReplicas(expected, owners, replicas), ...numberOfPrimaries(expected, owners)];
}

function tooFewReplicas(
  { primaryCount, replicaCount }: Expectation,
  owners: readonly ReachableView[],
  replicas: readonly ReachableView[],
): Finding[] {
  const tooFew = (node: string | undefined, text: string): Finding => {
    return { kind: 'too few replicas', node, text, mend: 'cluster fix' };
  };
  const few =
    replicas.length < replicaCount
      ? [tooFew(undefined, `only ${replicas.length} of ${replicaCount} replicas follow a primary`)]
      : [];
  const perPrimary = Math.floor(replicaCount / primaryCount);
  if (perPrimary === 0) return few;
  const followed = new Set(replicas.map(({ table }) => table.myself.primaryId));
  return [
    ...few,
    ...owners
      .filter(({ table }) => !followed.has(table.myself.id))
      .map(({ name }) => tooFew(name, `${name} has no replica, and the YAML file asks for ${perPrimary}`)),
  ];
}

function numberOfPrimaries({ primaryCount }: Expectation, owners: readonly ReachableView[]): Finding[] {
  // Slots without an owner are another finding, and what becomes of them decides how many own some.
  const owned = countSlots(owners.flatMap(({ table }) => table.myself.slots));
  if (owners.length === primaryCount || owned !== SLOT_COUNT) return [];
  const text = `${owners.length} primaries own slots, and the YAML file asks for ${primaryCount}`;
  return [{ kind: 'number of primaries', node: undefined, text, mend: 'up' }];
}
