import { rangesOf, slotsOf, formatRanges, type SlotMove } from './slots.ts';
import type { ReachableView } from '../nodes/view.ts';

/** What interrupted moves have left open: `[slot->-id]` and `[slot-<-id]` in the node tables. */
export interface OpenMoves {
  /** The slots are still the first node's; moving them goes on where it stopped. */
  readonly begun: readonly SlotMove[];
  /** The second node owns the slots already; only the first doesn't know that the move is over. */
  readonly handedOver: readonly SlotMove[];
  /** All others: the owner is neither end of the move, or there are two moves of a slot. */
  readonly unclear: readonly SlotMove[];
}

/** @param views of nodes that agree on who owns which slots */
export function findOpenMoves(views: readonly ReachableView[]): OpenMoves {
  const steps = openSteps(views);
  if (steps.length === 0) return { begun: [], handedOver: [], unclear: [] };
  const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
  const isPrimary = (name: string): boolean => primaries.some((primary) => primary.name === name);
  const owners = new Map(
    primaries.flatMap(({ name, table }) => slotsOf(table.myself.slots).map((slot) => [slot, name] as const)),
  );
  const routes = new Map<number, Set<string>>();
  for (const { from, to, slot } of steps) routes.set(slot, (routes.get(slot) ?? new Set()).add(`${from} ${to}`));
  const kindOf = ({ from, to, slot, isLeaving }: OpenStep): keyof OpenMoves => {
    if (!isPrimary(from) || !isPrimary(to) || routes.get(slot)?.size !== 1) return 'unclear';
    if (owners.get(slot) === from) return 'begun';
    return owners.get(slot) === to && isLeaving ? 'handedOver' : 'unclear';
  };
  const movesOf = (kind: keyof OpenMoves): SlotMove[] => grouped(steps.filter((step) => kindOf(step) === kind));
  return { begun: movesOf('begun'), handedOver: movesOf('handedOver'), unclear: movesOf('unclear') };
}

/** `slots 0-127 are half-way from redis-1 to redis-3` */
export function halfWayText({ from, to, slots }: SlotMove): string {
  return `${slots.length === 1 ? 'slot' : 'slots'} ${formatRanges(rangesOf(slots))} ${slots.length === 1 ? 'is' : 'are'} half-way from ${from} to ${to}`;
}

/** One end of a move, as the node there has it in its table. */
interface OpenStep {
  readonly from: string;
  readonly to: string;
  readonly slot: number;
  /** Told by the node that the slot leaves. */
  readonly isLeaving: boolean;
}

function openSteps(views: readonly ReachableView[]): OpenStep[] {
  const nameOf = (id: string): string => views.find(({ table: { myself } }) => myself.id === id)?.name ?? id;
  return views.flatMap(({ name, table: { myself } }) =>
    myself.openSlots.map(({ slot, direction, nodeId }) => {
      const isLeaving = direction === 'migrating';
      return isLeaving
        ? { from: name, to: nameOf(nodeId), slot, isLeaving }
        : { from: nameOf(nodeId), to: name, slot, isLeaving };
    }),
  );
}

/** One move for each pair of nodes, and each slot once, though both ends tell of it. */
function grouped(steps: readonly OpenStep[]): SlotMove[] {
  const pairs = new Map(steps.map(({ from, to }) => [JSON.stringify([from, to]), { from, to }]));
  return [...pairs.values()].map(({ from, to }) => {
    const slots = steps.filter((step) => step.from === from && step.to === to).map(({ slot }) => slot);
    return { from, to, slots: [...new Set(slots)].toSorted((one, other) => one - other) };
  });
}
