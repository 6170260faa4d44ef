import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { countSlots, SLOT_COUNT, type SlotRange } from '../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { clientKind } from '../../spec/ports.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { ObservedNode } from '../../stack/commands/watch/observed-history.ts';
import { onceAnObservation } from './remember.ts';

/** A member of the cluster: one of the YAML file, which may be away, or a stranger that others know. */
export interface Member {
  readonly spec: NodeSpec | undefined;
  readonly observed: ObservedNode | undefined;
  /** Its own row, or, while it doesn't answer, the one that another node has of it. */
  readonly row: NodeRow | undefined;
  /** As it is announced: `172.20.0.13:6379`. */
  readonly address: string;
  /** After all that is known, so that no slot is in two of them. */
  readonly slots: readonly SlotRange[];
}

export interface Topology {
  /** In the order of the YAML file; strangers after them, by their address. */
  readonly members: readonly Member[];
  /** Who owns what, ascending. */
  readonly owned: readonly (SlotRange & { readonly member: Member })[];
  readonly assignedCount: number;
}

/** What all the nodes that answer say, put together: once for each look, however many ask. */
export const topologyOf = onceAnObservation(({ nodes, session }): Topology => {
  const views = nodes.map(({ view }) => view).filter(isReachable);
  const kind = clientKind(session.spec);
  const known = nodes.map((observed): Omit<Member, 'slots'> => {
    const { node, view } = observed;
    const row = view.reachable ? view.table.myself : rowOfOthers(views, busAddress(node.announced));
    return { spec: node, observed, row, address: addressOf(row, node, kind) };
  });
  const members = [...known, ...strangersOf(views, known)];
  const owned = ownedRanges(members.map(({ row }) => row));
  const withSlots = members.map((member, index): Member => {
    const slots = owned.filter(({ owner }) => owner === index).map(({ start, end }) => ({ start, end }));
    return { ...member, slots };
  });
  return {
    members: withSlots,
    owned: owned.flatMap(({ owner, ...range }) => {
      const member = withSlots[owner];
      return member === undefined ? [] : [{ ...range, member }];
    }),
    assignedCount: countSlots(owned),
  };
});

/** Of a node that answers no longer, whoever heard from it last knows best: the highest epoch. */
function rowOfOthers(views: readonly ReachableView[], address: string): NodeRow | undefined {
  const answering = new Set(views.map(({ table }) => table.myself.id));
  return views
    .flatMap(({ table }) => table.rows)
    .filter((row) => busAddress(row) === address && !answering.has(row.id) && !row.flags.has('handshake'))
    .toSorted((one, other) => other.configEpoch - one.configEpoch)[0];
}

function addressOf(row: NodeRow | undefined, { announced }: NodeSpec, kind: 'plain' | 'tls'): string {
  return row === undefined || row.ip === '' ? `${announced.ip}:${announced[kind]}` : `${row.ip}:${row.port}`;
}

function strangersOf(
  views: readonly ReachableView[],
  known: readonly Omit<Member, 'slots'>[],
): readonly Omit<Member, 'slots'>[] {
  const ids = new Set(known.map(({ row }) => row?.id));
  const strangers = new Map<string, NodeRow>();
  for (const row of views.flatMap(({ table }) => table.rows)) {
    if (!ids.has(row.id) && !row.flags.has('handshake') && row.ip !== '') strangers.set(row.id, row);
  }
  return [...strangers.values()]
    .map((row) => ({ spec: undefined, observed: undefined, row, address: `${row.ip}:${row.port}` }))
    .toSorted((one, other) => one.address.localeCompare(other.address));
}

/** Where two claim a slot, gossip will give it to the higher epoch. */
function ownedRanges(rows: readonly (NodeRow | undefined)[]): (SlotRange & { readonly owner: number })[] {
  const claims = rows
    .flatMap((row, owner) => (row === undefined ? [] : [{ row, owner }]))
    .toSorted((one, other) => one.row.configEpoch - other.row.configEpoch);
  const owners = new Int32Array(SLOT_COUNT).fill(-1);
  for (const { row, owner } of claims) for (const { start, end } of row.slots) owners.fill(owner, start, end + 1);
  const ranges: (SlotRange & { readonly owner: number })[] = [];
  let start = 0;
  for (let slot = 1; slot <= owners.length; slot += 1) {
    if (slot < owners.length && owners[slot] === owners[start]) continue;
    const owner = owners[start] ?? -1;
    if (owner >= 0) ranges.push({ start, end: slot - 1, owner });
    start = slot;
  }
  return ranges;
}
