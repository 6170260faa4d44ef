import type { NodeRow, OpenSlot } from '../../src/cluster/nodes/node-table.ts';
import type { SlotRange } from '../../src/cluster/slots/slots.ts';
import type { ReachableView } from '../../src/cluster/nodes/view.ts';
import { initialNodeId } from '../../src/plan/model/names.ts';

/** A change to what one node says; its effect on the others is told by mapping all views. */
type Change = (view: ReachableView) => ReachableView;

export function idOf(views: readonly ReachableView[], name: string): string {
  const view = views.find((one) => one.name === name);
  if (view === undefined) throw new Error(`there is no ${name}`);
  return view.table.myself.id;
}

/** The view with the row of the node `name`, of the stack dev, changed. */
export function withRow(name: string, changes: Partial<NodeRow>): Change {
  const nodeId = initialNodeId('dev', name);
  return (view) => {
    const rows = view.table.rows.map((row) => (row.id === nodeId ? { ...row, ...changes } : row));
    // Only a node itself says `myself`.
    const kept = rows.map((row) =>
      row.id === view.table.myself.id ? { ...row, flags: view.table.myself.flags } : row,
    );
    return {
      ...view,
      table: { rows: kept, myself: kept.find(({ id }) => id === view.table.myself.id) ?? view.table.myself },
    };
  };
}

export function withSlots(name: string, slots: readonly SlotRange[]): Change {
  return withRow(name, { slots });
}

/** Slots that are open on the node itself: nobody else hears of them. */
export function withOpenSlots(openSlots: readonly OpenSlot[]): Change {
  return (view) => withRow(view.name, { openSlots })(view);
}

/** The view with a row of a node that is none of the stack's. */
export function withGhost(id: string, changes: Partial<NodeRow> = {}): Change {
  const ghost: NodeRow = {
    id,
    ip: '',
    port: 6379,
    busPort: 16379,
    hostname: '',
    flags: new Set(['master', 'noaddr']),
    role: 'primary',
    primaryId: undefined,
    configEpoch: 1,
    connected: false,
    slots: [],
    openSlots: [],
    ...changes,
  };
  return (view) => ({ ...view, table: { ...view.table, rows: [...view.table.rows, ghost] } });
}
