import { isPhantom } from './bootstrap-table.ts';
import type { NodeRow } from './node-table.ts';
import { formatRange, type SlotRange } from '../slots/slots.ts';
import type { ReachableView } from './view.ts';

/** A node without a table that it could start with, and what everybody is to call it by. */
export interface LostNode {
  /** Slots that it has claimed because it has keys of them, where it runs under another id. */
  readonly claimed: readonly SlotRange[];
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
}

/**
 * The nodes.conf of a node that lost its own, from what another one knows: under the id that it had, with the slots that
 * it owns. So its keys are where everybody looks for them. undefined where nobody knows a node at its address.
 *
 * @param others nodes that answer; the one with the newest news is believed
 */
export function rebuildTable(lost: LostNode, others: readonly ReachableView[]): string | undefined {
  const own = new Set(others.map(({ table }) => table.myself.id));
  const [witness] = others.toSorted((one, other) => other.info.currentEpoch - one.info.currentEpoch);
  if (witness === undefined) return undefined;
  const absent = witness.table.rows.filter(({ id }) => !own.has(id) && !isPhantom(id));
  const atItsAddress = absent.filter(({ ip }) => ip === lost.ip);
  // Whoever met it under its new id took the address from the old one.
  const former =
    atItsAddress.find(({ slots }) => slots.length > 0) ??
    atItsAddress[0] ??
    absent.find((row) => row.ip === '' && holds(ownerOf(row, witness), lost.claimed));
  if (former === undefined) return undefined;
  const rows = witness.table.rows.filter(
    (row) => row === former || (!row.flags.has('handshake') && !row.flags.has('noaddr')),
  );
  const { currentEpoch } = witness.info;
  // It may have voted in this epoch, and doesn't remember: nobody may have its vote twice.
  const vars = `vars currentEpoch ${currentEpoch} lastVoteEpoch ${currentEpoch}`;
  return [...rows.map((row) => line(row, row === former ? lost : undefined)), vars, ''].join('\n');
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

function holds({ slots }: NodeRow, claimed: readonly SlotRange[]): boolean {
  const isHeld = ({ start, end }: SlotRange): boolean =>
    slots.some((range) => range.start <= start && end <= range.end);
  return claimed.length > 0 && claimed.every(isHeld);
}

function line({ id, ip, port, busPort, role, primaryId, configEpoch, slots }: NodeRow, self?: LostNode): string {
  const word = role === 'replica' ? 'slave' : 'master';
  const flags = self === undefined ? word : `myself,${word}`;
  const address = self === undefined ? `${ip}:${port}@${busPort}` : `${self.ip}:${self.port}@${self.busPort}`;
  const link = self === undefined ? 'disconnected' : 'connected';
  return [id, address, flags, primaryId ?? '-', 0, 0, configEpoch, link, ...slots.map(formatRange)].join(' ');
}
