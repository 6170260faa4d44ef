import { list, seenCluster, type Expectation, type Finding, type SeenCluster, isAbsent, slotsText } from './finding.ts';
import { slotFindings } from './slot-findings.ts';
import { findUnheardNames } from './health.ts';
import { findWriteRefusals } from './write-refusals.ts';
import { type NodeView, type ReachableView, rowOf } from '../nodes/view.ts';
import { countSlots, SLOT_COUNT } from '../slots/slots.ts';
import { isPhantom } from '../nodes/bootstrap-table.ts';
import { busAddress, type NodeRow } from '../nodes/node-table.ts';
import { epochOf, groupBy } from '../slots/slot-survey.ts';

/** Everything that is wrong with the cluster, what matters most first; empty when it is whole and as it is asked for. */
export function findFindings(expected: Expectation, views: readonly NodeView[]): Finding[] {
  const cluster = seenCluster(expected, views);
  const causes = [
    ...absentNodes(views),
    ...findWriteRefusals(views),
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

/** What is wrong with how the nodes know and see each other. */
function acquaintanceFindings(cluster: SeenCluster): Finding[] {
  const unheard = findUnheardNames(cluster.reachable).map(({ node, text }) => wrongAddress(node, text, 'cluster wait'));
  return [
    ...acquaintances(cluster),
    ...unheard,
    ...strangersOf(cluster),
    ...sameEpochs(cluster),
    ...brokenLinks(cluster),
  ];
}

/** Nodes that don't know each other, or know each other under an address that isn't theirs. */
function acquaintances({ reachable, expected }: SeenCluster): Finding[] {
  return reachable.flatMap((view): Finding[] => {
    const { name, table } = view;
    const wanted = expected.addresses.get(name) ?? '';
    const address = busAddress(table.myself);
    const announces: Finding[] =
      // A node without links has not yet learnt its own address where none is announced.
      address === wanted
        ? []
        : [wrongAddress(name, `${name} announces ${address || 'no address'} instead of ${wanted}`, 'up')];
    const others = reachable.filter((other) => other !== view);
    const unknown = others
      .filter((other) => rowOf(view, other.table.myself.id) === undefined)
      .map((other) => other.name);
    const moved = others.flatMap((other) => {
      const row = rowOf(view, other.table.myself.id);
      const [known, right] = [row && busAddress(row), busAddress(other.table.myself)];
      if (known === undefined || known === right) return [];
      const text = `${name} knows ${other.name} at ${known || 'no address'} instead of ${right}`;
      return [wrongAddress(name, text, 'cluster fix')];
    });
    const strangers: Finding[] =
      unknown.length === 0
        ? []
        : [{ kind: 'strangers', node: name, text: `${name} does not know ${list(unknown)}`, mend: 'cluster fix' }];
    return [...announces, ...strangers, ...moved];
  });
}

function wrongAddress(node: string, text: string, mend: Finding['mend']): Finding {
  return { kind: 'wrong address', node, text, mend };
}

/** Ids in the node tables that are none of the stack's nodes. */
function strangersOf(cluster: SeenCluster): Finding[] {
  const rows = cluster.reachable.flatMap(({ name, table }) =>
    table.rows.filter(({ id }) => !cluster.own.has(id)).map((row) => ({ name, row })),
  );
  return groupBy(rows, ({ row }) => row.id).flatMap((group): Finding[] => {
    const knowers = list(group.map(({ name }) => name));
    const row = group[0]?.row;
    if (row === undefined || group.some((one) => isAbsent(cluster, one.row))) return [];
    const slots = group.find((one) => one.row.slots.length > 0)?.row.slots ?? [];
    const owns = slots.length === 0 ? '' : ` and owns ${slotsText(slots)}`;
    const owned = slots.length === 0 ? {} : { slots };
    if (isPhantom(row.id)) {
      const text = `the phantom ${row.id.slice(-8)} of an unfinished start is still known to ${knowers}${owns}`;
      return [{ kind: 'phantom', node: undefined, ...owned, text, mend: 'cluster fix' }];
    }
    const flags = [...new Set(group.flatMap((one) => [...one.row.flags]))].filter((flag) => flag !== 'myself');
    const text = `${row.id.slice(0, 8)} at ${row.ip === '' ? 'no address' : `${row.ip}:${row.port}`} (${flags.join(',')}) is no node of this stack, is known to ${knowers}${owns}`;
    return [{ kind: 'ghost', node: undefined, ...owned, text, mend: ghostMend(flags) }];
  });
}

/** One that still answers has been taken out of the YAML file, and up stops it. */
function ghostMend(flags: readonly string[]): Finding['mend'] {
  if (flags.includes('handshake')) return 'cluster wait';
  return flags.some((flag) => flag.startsWith('fail') || flag === 'noaddr') ? 'cluster fix' : 'up';
}

/** Redis settles it by itself as a rule; until then a slot of both would have no certain owner. */
function sameEpochs({ reachable }: SeenCluster): Finding[] {
  const owners = reachable.filter(({ table: { myself } }) => myself.role === 'primary' && myself.slots.length > 0);
  return groupBy(owners, (view) => String(epochOf(view)))
    .filter((group) => group.length > 1)
    .map((group) => {
      const epoch = group.map(epochOf)[0] ?? 0;
      const text = `${list(group.map(({ name }) => name))} have the same config epoch ${epoch}`;
      return { kind: 'same epoch', node: undefined, text, mend: 'cluster fix' };
    });
}

/** How the nodes see each other, one finding a node that is seen badly. */
function brokenLinks(cluster: SeenCluster): Finding[] {
  const { reachable, nameOf, own } = cluster;
  const rows = reachable.flatMap(({ name, table }) =>
    table.rows.filter((row) => row.id !== table.myself.id && own.has(row.id)).map((row) => ({ name, row })),
  );
  const absentRows = reachable.flatMap(({ name, table }) =>
    table.rows.filter((row) => isAbsent(cluster, row)).map((row) => ({ name, row })),
  );
  const isFailing = ({ row: { flags } }: { row: NodeRow }): boolean => flags.has('fail') || flags.has('fail?');
  const failing = groupBy([...rows, ...absentRows].filter(isFailing), ({ row }) => row.id).map((group): Finding => {
    const id = group[0]?.row.id ?? '';
    const flags = new Set(group.flatMap(({ row }) => [...row.flags]));
    const verdict = flags.has('fail') ? 'fail' : 'fail?';
    const text = `${nameOf(id)} is seen as ${verdict} by ${list(group.map(({ name }) => name))}`;
    return { kind: 'seen failing', node: nameOf(id), text, mend: own.has(id) ? 'cluster wait' : 'up' };
  });
  // Where an address is wrong or a node away, a link that is down is no news.
  const isNews = ({ row }: { row: NodeRow }): boolean => {
    const view = reachable.find(({ table }) => table.myself.id === row.id);
    return !row.connected && view !== undefined && busAddress(row) === busAddress(view.table.myself);
  };
  const broken = groupBy(rows.filter(isNews), ({ row }) => row.id).map((group): Finding => {
    const [first] = group;
    const target = nameOf(first?.row.id ?? '');
    const ends = list(group.map(({ name }) => name));
    const text = `the bus link to ${target} at ${first === undefined ? '' : busAddress(first.row)} is down from ${ends}`;
    return { kind: 'broken link', node: target, text, mend: 'cluster wait' };
  });
  return [...failing, ...broken];
}
