import { busAddress, slotMapText, type NodeRow } from '../nodes/node-table.ts';
import { SLOT_COUNT } from '../slots/slots.ts';
import { isReachable, rowOf, type NodeView, type ReachableView } from '../nodes/view.ts';
import type { Expectation } from './finding.ts';
import { disturbedWrites } from './write-refusals.ts';

/**
 * Everything that keeps the cluster from being whole, as sentences about nodes; empty when every node says `ok`, all
 * slots are assigned and served, all nodes know each other and agree on every slot, and every replica has its copy.
 */
export function findClusterProblems(expected: Expectation, views: readonly NodeView[]): string[] {
  const unreachable = views.flatMap((view) => (view.reachable ? [] : [`${view.name} does not answer: ${view.reason}`]));
  const reachable = views.filter(isReachable);
  const problems = [
    ...unreachable,
    ...reachable.flatMap((view) => nodeProblems(expected, view)),
    ...disagreements(reachable),
    ...findUnheardNames(reachable).map(({ text }) => text),
  ];
  const replicas = reachable.filter(({ table }) => table.myself.role === 'replica').length;
  if (problems.length === 0 && replicas < expected.replicaCount) {
    problems.push(`only ${replicas} of ${expected.replicaCount} replicas follow a primary`);
  }
  return problems;
}

function nodeProblems({ primaryCount, addresses }: Expectation, view: ReachableView): string[] {
  const { name, info, table, replicationLink } = view;
  const nodeCount = addresses.size;
  const announced = busAddress(table.myself);
  const whoIs = (row: NodeRow): string => {
    const address = busAddress(row);
    return [...addresses].find(([, own]) => own === address)?.[0] ?? (address || row.id);
  };
  const checks: [fails: boolean, problem: string][] = [
    [info.state !== 'ok', `cluster_state is ${info.state}`],
    [info.slotsAssigned !== SLOT_COUNT, `only ${info.slotsAssigned} of ${SLOT_COUNT} slots have an owner`],
    [
      info.slotsAssigned === SLOT_COUNT && info.slotsOk !== SLOT_COUNT,
      `only ${info.slotsOk} of ${SLOT_COUNT} slots are served`,
    ],
    [info.knownNodes !== nodeCount, `it knows ${info.knownNodes} nodes instead of ${nodeCount}`],
    [info.size !== primaryCount, `${info.size} primaries own slots instead of ${primaryCount}`],
    [
      announced !== addresses.get(name),
      `it announces the address ${announced || '(none)'} instead of ${addresses.get(name) ?? '(none)'}`,
    ],
    [replicationLink === 'down', 'it has no copy of its primary yet'],
  ];
  const failed = table.rows.filter(({ flags }) => flags.has('fail') || flags.has('fail?') || flags.has('handshake'));
  return [
    ...checks.filter(([fails]) => fails).map(([, problem]) => `${name}: ${problem}`),
    ...disturbedWrites(view).map(({ text }) => text),
    ...failed.map((row) => `${name}: it sees ${whoIs(row)} as ${[...row.flags].join(',')}`),
  ];
}

function disagreements(views: readonly ReachableView[]): string[] {
  const [first, ...others] = views;
  if (first === undefined) return [];
  const map = slotMapText(first.table);
  return others
    .filter(({ table }) => slotMapText(table) !== map)
    .map(({ name }) => `${name}: it does not agree with ${first.name} on who owns which slots`);
}

/**
 * Nodes that another knows under another hostname than they announce. They tell it on the bus: before it is heard, CLUSTER
 * SLOTS answers `?` in its place.
 */
export function findUnheardNames(views: readonly ReachableView[]): { readonly node: string; readonly text: string }[] {
  return views.flatMap((view) =>
    views
      .filter(({ table: { myself } }) => (rowOf(view, myself.id)?.hostname ?? myself.hostname) !== myself.hostname)
      .map(({ name, table: { myself } }) => ({
        node: view.name,
        text: `${view.name} has not heard that ${name} announces ${myself.hostname === '' ? 'no hostname' : `the hostname ${myself.hostname}`}`,
      })),
  );
}

/** Links of the cluster bus that are down, as sentences, seen from either end. @param to only to these, by default to all */
export function findBrokenLinks(views: readonly ReachableView[], to?: readonly ReachableView[]): string[] {
  const nameOf = (id: string): string | undefined => views.find(({ table }) => table.myself.id === id)?.name;
  return views.flatMap(({ name, table }) =>
    table.rows
      .filter(({ id, connected }) => id !== table.myself.id && !connected)
      .filter(({ id }) => to?.some((other) => other.table.myself.id === id) ?? true)
      .map(({ id, ip, busPort }) => `${name}: its bus link to ${nameOf(id) ?? id} at ${ip}:${busPort} is down`),
  );
}
