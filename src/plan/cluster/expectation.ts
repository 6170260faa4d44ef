import type { Expectation, Finding } from '../../cluster/findings/finding.ts';
import { findFindings } from '../../cluster/findings/findings.ts';
import { busAddress } from '../../cluster/nodes/node-table.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { groupBy } from '../../cluster/slots/slot-survey.ts';
import { primariesOf, type NodeSpec, type Spec } from '../../spec/spec.ts';

/** @param former nodes that left the YAML file, and are still of the cluster */
export function expectationOf(spec: Spec, former: readonly NodeSpec[] = []): Expectation {
  return {
    primaryCount: primariesOf(spec).length,
    replicaCount: spec.nodes.length - primariesOf(spec).length,
    addresses: new Map([...spec.nodes, ...former].map(({ name, announced }) => [name, busAddress(announced)])),
  };
}

/** The same, be the number of primaries another than the YAML file's: nothing can be said of replicas then. */
export function inItsShape(expected: Expectation, views: readonly NodeView[]): Expectation {
  const size = views.find(isReachable)?.info.size ?? expected.primaryCount;
  return size === expected.primaryCount ? expected : { ...expected, primaryCount: size, replicaCount: 0 };
}

/** All that is wrong with the cluster, by what the nodes say. */
export function findingsOf(spec: Spec, views: readonly NodeView[]): Finding[] {
  return [...findFindings(expectationOf(spec), views), ...placementFindings(spec, views)];
}

/**
 * What a failover has left of the placement of nodes on hosts: more primaries on one than the others can go on without, or a
 * replica beside its primary. The YAML file may have neither.
 */
export function placementFindings({ nodes, hosts }: Spec, views: readonly NodeView[]): Finding[] {
  const reachable = views.filter(isReachable);
  const nodeOf = ({ name }: ReachableView): NodeSpec | undefined => nodes.find((node) => node.name === name);
  const hostOf = (view: ReachableView): string => nodeOf(view)?.host ?? '';
  const owners = reachable.filter(({ table: { myself } }) => myself.slots.length > 0);
  const followersOf = (owner: ReachableView): ReachableView[] =>
    reachable.filter(({ table: { myself } }) => myself.primaryId === owner.table.myself.id);
  const hostCount = new Set(nodes.map(({ host }) => host)).size;
  const crowds = hostCount < 3 ? [] : groupBy(owners, hostOf).filter((group) => group.length > owners.length / 2);
  const crowded = crowds.flatMap((group): Finding[] => {
    const elsewhere = group
      .filter((owner) => nodeOf(owner)?.initialRole === 'replica')
      .flatMap((owner) => followersOf(owner).filter((one) => hostOf(one) !== hostOf(owner)));
    const back = elsewhere.find((one) => nodeOf(one)?.initialRole === 'primary') ?? elsewhere[0];
    if (back === undefined) return [];
    const host = group[0] && hostOf(group[0]);
    const text = `the host ${host ?? ''} has ${group.length} of the ${owners.length} primaries: without it the others can't agree on who takes over`;
    return [{ kind: 'placement', node: back.name, text, mend: `cluster failover ${back.name}` }];
  });
  const beside = owners.flatMap((owner) =>
    followersOf(owner)
      .filter((one) => hosts.length > 0 && hostOf(one) === hostOf(owner))
      .flatMap(({ name }): Finding[] => {
        const initial = nodes.find((node) => node.name === name)?.initialPrimary;
        const others = owners.filter((one) => hostOf(one) !== hostOf(owner));
        const other = others.find((one) => one.name === initial) ?? others[0];
        const text = `${name} is the replica of ${owner.name}, and both are on the host ${hostOf(owner)}`;
        if (other === undefined) return [];
        return [{ kind: 'placement', node: name, text, mend: `cluster replicate ${name} --of ${other.name}` }];
      }),
  );
  return [...crowded, ...beside];
}
