import { isReachable, replicationOffset, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { peerKind, type Announced } from '../../spec/ports.ts';
import type { Spec } from '../../spec/spec.ts';
import { newAction, type ActionOf, type Action } from '../model/action.ts';
import type { Observed } from '../model/observed.ts';
import { isPhantom } from '../../cluster/nodes/bootstrap-table.ts';
import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { nodeAt } from './among-nodes.ts';
import { formatRange, holdsRanges, type SlotRange } from '../../cluster/slots/slots.ts';

/**
 * Gives nodes that lost their node table the one that they had, from what the others know: those that can't start with
 * what is left of it, and those that Redis has started without, under a new id and with all their keys. Any other way
 * home would take their keys for a stranger's.
 *
 * @param damaged nodes that can't start, because their table can't be read
 * @returns none for nodes that nobody knows
 */
export function planTables(
  spec: Spec,
  views: readonly NodeView[],
  damaged: ReadonlySet<string>,
): ActionOf<'restore node table'>[] {
  return spec.nodes.flatMap(({ name, announced }) => {
    const view = views.find((one) => one.name === name);
    const others = views.filter(isReachable).filter((other) => other.name !== name);
    if (view === undefined || others.length === 0) return [];
    const isLost = view.reachable ? isForgotten(view, others) : damaged.has(name);
    const claimed = view.reachable ? view.table.myself.slots : [];
    const table = isLost ? rebuildTable(spec, { announced, claimed }, others) : undefined;
    const cause = view.reachable ? 'it runs under a new id, with keys of its old one' : 'its node table is damaged';
    return table === undefined ? [] : [newAction('restore node table', name, cause, { table })];
  });
}

/**
 * For each node that is to start without data: of the nodes that copy whoever is at its address, the one with the latest
 * data becomes the primary. Without waiting for the others' votes, as its primary's data is gone for certain.
 *
 * @returns what is waited for, where a copy does not answer: the empty node is not started before
 */
export function planTakeOvers(
  spec: Spec,
  views: readonly NodeView[],
  copies: Observed['copies'],
): { readonly actions: readonly Action[]; readonly waitsFor: readonly string[] } {
  const plans = [...copies].map(([lost, names]) => {
    const silent = views.filter((view) => names.includes(view.name) && !view.reachable);
    const address = spec.nodes.find(({ name }) => name === lost)?.announced;
    const [best] = views
      .filter(isReachable)
      .filter((view) => names.includes(view.name) && copiesFrom(view, address))
      .toSorted((one, other) => replicationOffset(other) - replicationOffset(one));
    const cause = `${lost} lost its data, and would start empty at the address that it copies`;
    const waitsFor = [
      ...silent.map(({ name }) => `${name} does not answer, and has the only copy of what ${lost} had`),
      ...(best === undefined && silent.length === 0 ? [`no copy of what ${lost} had is left to take over`] : []),
    ];
    return silent.length > 0 || best === undefined
      ? { actions: [], waitsFor }
      : { actions: [newAction('take over', best.name, cause, { lost })], waitsFor: [] };
  });
  return { actions: plans.flatMap(({ actions }) => actions), waitsFor: plans.flatMap(({ waitsFor }) => waitsFor) };
}

function copiesFrom({ table: { myself, rows } }: ReachableView, primary: Announced | undefined): boolean {
  const address = primary && busAddress(primary);
  return rows.some((row) => row.id === myself.primaryId && busAddress(row) === address);
}

/** A node without a table that it could start with, and what everybody is to call it by. */
interface LostNode {
  /** Slots that it has claimed because it has keys of them, where it runs under another id. */
  readonly claimed: readonly SlotRange[];
  readonly announced: Announced;
}

/**
 * The nodes.conf of a node that lost its own, from what another one knows: under the id that it had, with the slots that
 * it owns. So its keys are where everybody looks for them. undefined where nobody knows a node at its address.
 *
 * @param others nodes that answer; the one with the newest news is believed
 */
export function rebuildTable(spec: Spec, lost: LostNode, others: readonly ReachableView[]): string | undefined {
  const own = new Set(others.map(({ table }) => table.myself.id));
  const [witness] = others.toSorted((one, other) => other.info.currentEpoch - one.info.currentEpoch);
  if (witness === undefined) return undefined;
  const absent = witness.table.rows.filter(({ id }) => !own.has(id) && !isPhantom(id));
  const atItsAddress = absent.filter((row) => busAddress(row) === busAddress(lost.announced));
  // Whoever met it under its new id took the address from the old one.
  const former =
    atItsAddress.find(({ slots }) => slots.length > 0) ??
    atItsAddress[0] ??
    (lost.claimed.length === 0
      ? undefined
      : absent.find((row) => row.ip === '' && holdsRanges(ownerOf(row, witness).slots, lost.claimed)));
  if (former === undefined) return undefined;
  const rows = witness.table.rows.filter(
    (row) => row === former || (!row.flags.has('handshake') && !row.flags.has('noaddr')),
  );
  const { currentEpoch } = witness.info;
  // It may have voted in this epoch, and doesn't remember: nobody may have its vote twice.
  const vars = `vars currentEpoch ${currentEpoch} lastVoteEpoch ${currentEpoch}`;
  return [...rows.map((row) => line(spec, row, row === former ? lost.announced : undefined)), vars, ''].join('\n');
}

/** What a node that answers would be called by others, if it had not come back under another id. */
export function isForgotten(view: ReachableView, others: readonly ReachableView[]): boolean {
  const { myself, rows } = view.table;
  return (
    rows.length === 1 && view.keyCount > 0 && !others.some(({ table }) => table.rows.some(({ id }) => id === myself.id))
  );
}

/** The row itself, or that of the primary whose data it copies. */
function ownerOf(row: NodeRow, { table }: ReachableView): NodeRow {
  return table.rows.find(({ id }) => id === row.primaryId) ?? row;
}

/** Which of its two ports a node shows depends on who asks: all have the one under which nodes know each other. */
function line(spec: Spec, row: NodeRow, lost: Announced | undefined): string {
  const { id, ip, busPort, role, primaryId, configEpoch, slots } = row;
  const word = role === 'replica' ? 'slave' : 'master';
  const flags = lost === undefined ? word : `myself,${word}`;
  const port = (lost ?? nodeAt(spec, row)?.announced)?.[peerKind(spec)] ?? row.port;
  const address = `${lost?.ip ?? ip}:${port}@${lost?.busPort ?? busPort}`;
  const link = lost === undefined ? 'disconnected' : 'connected';
  return [id, address, flags, primaryId ?? '-', 0, 0, configEpoch, link, ...slots.map(formatRange)].join(' ');
}
