import { run, type Hint } from '../../hint.ts';
import { busAddress, type NodeRow } from '../nodes/node-table.ts';
import { countSlots, formatRange, formatRanges, type SlotRange } from '../slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../nodes/view.ts';

/** What the cluster is to be. */
export interface Expectation {
  readonly primaryCount: number;
  /** Replicas of all primaries together. */
  readonly replicaCount: number;
  /** Node name → where it should announce that the others reach it: see `busAddress`. */
  readonly addresses: ReadonlyMap<string, string>;
}

export type FindingKind =
  | 'no answer'
  | 'cluster state'
  | 'writes refused'
  | 'slots without an owner'
  | 'disagreement'
  | 'two owners'
  | 'open slots'
  | 'same epoch'
  | 'strangers'
  | 'wrong address'
  | 'ghost'
  | 'phantom'
  | 'seen failing'
  | 'broken link'
  | 'no copy'
  | 'too few replicas'
  | 'number of primaries'
  | 'placement';

/** One thing that is wrong with the cluster, and the command that repairs it. */
export interface Finding {
  readonly kind: FindingKind;
  /** The node that it is about; undefined where it is about several, or about slots. */
  readonly node: string | undefined;
  readonly slots?: readonly SlotRange[];
  readonly text: string;
  readonly mend:
    'up' | 'cluster fix' | 'cluster wait' | `restart ${string}` | `cluster ${'failover' | 'replicate'} ${string}`;
  /** What to do where `mend` alone doesn't do. */
  readonly advice?: Hint;
}

/** What to type next. */
export function mendHint({ mend, advice }: Pick<Finding, 'mend' | 'advice'>): Hint {
  return advice ?? run(mend);
}

/** What the nodes say, with names for their ids. */
export interface SeenCluster {
  readonly expected: Expectation;
  readonly reachable: readonly ReachableView[];
  /** Addresses of nodes that don't answer: a row with one of them is that node's, whatever its id. */
  readonly absentAddresses: ReadonlySet<string>;
  readonly nameOf: (id: string) => string;
  /** Ids of nodes that answer. */
  readonly own: ReadonlySet<string>;
}

export function seenCluster(expected: Expectation, views: readonly NodeView[]): SeenCluster {
  const reachable = views.filter(isReachable);
  const absent = views.filter((view) => !view.reachable);
  const names = new Map(reachable.map(({ name, table }) => [table.myself.id, name]));
  const byAddress = new Map(absent.map(({ name }) => [expected.addresses.get(name) ?? '', name]));
  const rows = reachable.flatMap(({ table }) => table.rows);
  return {
    expected,
    reachable,
    absentAddresses: new Set(absent.map(({ name }) => expected.addresses.get(name) ?? '')),
    nameOf: (id) => {
      const row = rows.find((one) => one.id === id);
      return names.get(id) ?? byAddress.get(row === undefined ? '' : busAddress(row)) ?? id.slice(0, 8);
    },
    own: new Set(names.keys()),
  };
}

/** A row of a node of the stack that doesn't answer right now. */
export function isAbsent({ absentAddresses, own }: SeenCluster, row: NodeRow): boolean {
  return !own.has(row.id) && absentAddresses.has(busAddress(row));
}

/** `slot 7`, `slots 12-99`, `slots 1 5 9-12`; a long list is cut. */
export function slotsText(slots: readonly SlotRange[]): string {
  const count = countSlots(slots);
  if (count === 1) return `slot ${formatRanges(slots)}`;
  const shown = 8;
  if (slots.length <= shown) return `slots ${formatRanges(slots)}`;
  return `slots ${slots.slice(0, shown).map(formatRange).join(' ')} and more (${count})`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
