import { rangesOf } from '../../cluster/slots/slot-move.ts';
import { list, slotsText } from '../../cluster/findings/finding.ts';
import { formatRange } from '../../cluster/slots/slots.ts';
import type { ClusterAction } from './plan-cluster.ts';

interface Reason {
  /** Why, as a person reads it. */
  readonly cause: string;
  /** It gives up keys, or may. The command line asks first; the planner never does. */
  readonly destructive: boolean;
}

/** One step of a repair: data, as a person reads it and as it is carried out. */
export type RepairStep = Reason &
  (
    | { readonly type: 'cluster command'; readonly action: ClusterAction }
    | SlotRepair
    | { readonly type: 'bump epoch'; readonly node: string }
    /** On every node. */
    | { readonly type: 'forget owner'; readonly nodeId: string }
  );

/** Slots of which the same is to be done, all by names in the YAML file. */
export interface SlotRepair extends Reason {
  readonly type: 'settle slots';
  readonly slots: readonly number[];
  /** Who owns them in the end. */
  readonly destination: string;
  /** Who owns them now; undefined where nobody does. */
  readonly owner: string | undefined;
  /** Others that say so too, of lower epochs. */
  readonly losers: readonly string[];
  /** Who else has keys of them. */
  readonly holders: readonly string[];
  /** Keys that have to move. */
  readonly keyCount: number;
  /** Where they are open. */
  readonly openOn: readonly string[];
  /** Primaries that believe in another owner. */
  readonly misled: readonly string[];
  /** Gossip would not be believed: somebody knows of an owner with a higher epoch, or with the same. */
  readonly needsEpoch: boolean;
}

/** The stable text of a repair: one line a step, with its cause. */
export function repairText(steps: readonly RepairStep[]): string {
  return steps.map((step) => `${step.destructive ? '!' : '~'} ${stepText(step)}  (${step.cause})\n`).join('');
}

function stepText(step: RepairStep): string {
  switch (step.type) {
    case 'cluster command':
      return commandText(step.action);
    case 'bump epoch':
      return `${step.type} ${step.node}`;
    case 'forget owner':
      return `forget ${step.nodeId.slice(0, 8)} on every node`;
    case 'settle slots':
      return slotRepairText(step);
  }
}

function commandText(action: ClusterAction): string {
  const { type, node } = action;
  switch (type) {
    case 'take over':
    case 'replicate':
      return `${type} ${node}`;
    case 'forget':
      return `${type} ${action.nodeId.slice(0, 8)} on ${node}`;
    case 'meet':
      return `${type} ${action.ip}:${action.port} from ${node}`;
    case 'add slots':
      return `${type} ${formatRange(action.range)} to ${node}`;
  }
}

function slotRepairText({ slots, destination, owner, holders, keyCount }: SlotRepair): string {
  const what = slotsText(rangesOf(slots));
  const keys = keyCount === 0 ? '' : `, with ${keyCount} ${keyCount === 1 ? 'key' : 'keys'} from ${list(holders)}`;
  if (owner === undefined) return `give ${what} to ${destination}${keys}`;
  return owner === destination ? `settle ${what} on ${destination}${keys}` : `move ${what} to ${destination}${keys}`;
}
