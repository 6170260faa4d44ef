import type { Finding, SeenCluster } from './finding.ts';
import type { Expectation } from './health.ts';
import { countSlots, SLOT_COUNT } from '../slots/slots.ts';
import type { ReachableView } from '../nodes/view.ts';

/** Whether there are as many primaries and replicas as the YAML file asks for, and every replica has its copy. */
export function roleFindings(cluster: SeenCluster): Finding[] {
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
  const few: Finding[] =
    replicas.length < replicaCount
      ? [
          {
            kind: 'too few replicas',
            node: undefined,
            text: `only ${replicas.length} of ${replicaCount} replicas follow a primary`,
            mend: 'cluster fix',
          },
        ]
      : [];
  const perPrimary = Math.floor(replicaCount / primaryCount);
  if (perPrimary === 0) return few;
  const followed = new Set(replicas.map(({ table }) => table.myself.primaryId));
  return [
    ...few,
    ...owners
      .filter(({ table }) => !followed.has(table.myself.id))
      .map(({ name }): Finding => {
        const text = `${name} has no replica, and the YAML file asks for ${perPrimary}`;
        return { kind: 'too few replicas', node: name, text, mend: 'cluster fix' };
      }),
  ];
}

function numberOfPrimaries({ primaryCount }: Expectation, owners: readonly ReachableView[]): Finding[] {
  // Slots without an owner are another finding, and what becomes of them decides how many own some.
  const owned = countSlots(owners.flatMap(({ table }) => table.myself.slots));
  if (owners.length === primaryCount || owned !== SLOT_COUNT) return [];
  const text = `${owners.length} primaries own slots, and the YAML file asks for ${primaryCount}`;
  return [{ kind: 'number of primaries', node: undefined, text, mend: 'up' }];
}
