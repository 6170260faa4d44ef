import { rangesOf, slotsOf, type SlotMove, type SlotOwner } from './slots.ts';

export interface RebalanceRequest {
  /** By name; 1 for all others. A node of weight 0 gives away all that it owns. */
  readonly weights: ReadonlyMap<string, number>;
  /** Nothing moves as long as every node is off its share by this at most, in percent of the share. */
  readonly thresholdPercent: number;
  /** Primaries without slots get their share, too; without it they take no part, whatever their weight is. */
  readonly useEmptyPrimaries: boolean;
  /** Moves that an interrupted run left half-way: they are finished where they are on the way, whatever the threshold. */
  readonly begun?: readonly SlotMove[];
}

/**
 * Brings every primary to its share of the owned slots by weight, as `redis-cli --cluster rebalance` does, with the fewest
 * slots moved that do it. Few pairs of nodes, and slots that leave few ranges behind.
 */
export function planRebalance(owners: readonly SlotOwner[], request: RebalanceRequest): SlotMove[] {
  const { weights, thresholdPercent, useEmptyPrimaries, begun = [] } = request;
  const parties = owners
    .map(({ name, slots }) => ({ name, weight: weights.get(name) ?? 1, slots: slotsOf(slots) }))
    .filter(({ slots }) => useEmptyPrimaries || slots.length > 0);
  if (parties.every(({ weight }) => weight === 0)) return [];

  const holders = parties.map(({ weight, slots }) => ({ weight, count: slots.length }));
  const shares = exactShares(holders);
  const isBalanced = holders.every(({ count }, index) => isWithin(thresholdPercent, count, shares[index] ?? 0));
  if (isBalanced && begun.length === 0) return [];

  const targets = wholeShares(holders);
  const sides = parties.map(({ name, slots }, index) => ({
    name,
    slots,
    excess: slots.length - (targets[index] ?? 0),
  }));
  const flows = pairUp(sides, begun);
  for (const flow of flows) pickSlots(flow);
  return flows.map(({ from, to, slots }) => ({ from: from.name, to: to.name, slots: slots.toSorted(ascending) }));
}

function isWithin(thresholdPercent: number, count: number, share: number): boolean {
  // Of a share of nothing, one slot is infinitely too much: a node is drained whatever the threshold.
  return count === share || (Math.abs(count - share) / share) * 100 <= thresholdPercent;
}

/** A node while the plan is made. */
interface Side {
  readonly name: string;
  /** Ascending. */
  slots: number[];
  /** Slots above its target, or, as a negative number, below. */
  excess: number;
}

interface Flow {
  readonly from: Side;
  readonly to: Side;
  count: number;
  /** Picked already. */
  slots: readonly number[];
}

/** Who gives how many to whom. Each turn settles at least one node for good, and two where they fit each other. */
function pairUp(sides: readonly Side[], begun: readonly SlotMove[]): Flow[] {
  const flows = begunFlows(sides, begun);
  for (;;) {
    const givers = sides.filter(({ excess }) => excess > 0).toSorted((one, other) => other.excess - one.excess);
    const takers = sides.filter(({ excess }) => excess < 0).toSorted((one, other) => one.excess - other.excess);
    const takerOf = new Map(takers.toReversed().map((taker) => [-taker.excess, taker]));
    const from = givers.find(({ excess }) => takerOf.has(excess)) ?? givers[0];
    const to = takerOf.get(from?.excess ?? 0) ?? takers[0];
    if (from === undefined || to === undefined) return flows;
    const count = Math.min(from.excess, -to.excess);
    transfer(from, to, count);
    const known = flows.find((flow) => flow.from === from && flow.to === to);
    if (known === undefined) flows.push({ from, to, count, slots: [] });
    else known.count += count;
  }
}

/** First of all, and with their slots, so that no other pair takes them. */
function begunFlows(sides: readonly Side[], begun: readonly SlotMove[]): Flow[] {
  return begun.flatMap((move): Flow[] => {
    const from = sides.find(({ name }) => name === move.from);
    const to = sides.find(({ name }) => name === move.to);
    if (from === undefined || to === undefined) return [];
    const wanted = new Set(move.slots);
    const slots = from.slots
      .filter((slot) => wanted.has(slot))
      .slice(0, Math.max(0, Math.min(from.excess, -to.excess)));
    if (slots.length === 0) return [];
    transfer(from, to, slots.length);
    handOver(from, to, slots);
    return [{ from, to, count: slots.length, slots }];
  });
}

/** The lowest or the highest slots of the giver, whichever leaves both nodes with fewer ranges. */
function pickSlots(flow: Flow): void {
  const { from, to, count, slots } = flow;
  const missing = count - slots.length;
  if (missing === 0) return;
  const lowest = from.slots.slice(0, missing);
  const highest = from.slots.slice(-missing);
  const isHighBetter = rangesAfter(flow, highest) < rangesAfter(flow, lowest);
  const picked = isHighBetter ? highest : lowest;
  handOver(from, to, picked);
  flow.slots = [...slots, ...picked];
}

function rangesAfter({ from, to }: Flow, picked: readonly number[]): number {
  const left = without(from.slots, picked);
  return rangesOf(left).length + rangesOf([...to.slots, ...picked].toSorted(ascending)).length;
}

function transfer(from: Side, to: Side, count: number): void {
  from.excess -= count;
  to.excess += count;
}

function handOver(from: Side, to: Side, slots: readonly number[]): void {
  from.slots = without(from.slots, slots);
  to.slots = [...to.slots, ...slots].toSorted(ascending);
}

function without(slots: readonly number[], taken: readonly number[]): number[] {
  const gone = new Set(taken);
  return slots.filter((slot) => !gone.has(slot));
}

function ascending(one: number, other: number): number {
  return one - other;
}

interface Shareholder {
  readonly weight: number;
  /** Slots that it owns now. */
  readonly count: number;
}

/** Below this, a share is a whole number that floating point has missed. */
const ROUNDING_NOISE = 1e-6;

/** What each would own if slots could be cut, in proportion to its weight. The weights must not all be 0. */
function exactShares(holders: readonly Shareholder[]): number[] {
  const slotCount = holders.reduce((sum, { count }) => sum + count, 0);
  const totalWeight = holders.reduce((sum, { weight }) => sum + weight, 0);
  return holders.map(({ weight }) => {
    const share = (slotCount * weight) / totalWeight;
    const whole = Math.round(share);
    return Math.abs(share - whole) < ROUNDING_NOISE ? whole : share;
  });
}

/**
 * The exact shares, rounded up or down so that they add up. Rounded up are first those who own more than their share rounded
 * down, for each of them saves a move, and then those with the largest remainders. Neither changes while slots move
 * towards these counts: a run that was interrupted goes on to the same ones.
 */
function wholeShares(holders: readonly Shareholder[]): number[] {
  const slotCount = holders.reduce((sum, { count }) => sum + count, 0);
  const shares = exactShares(holders);
  const missing = slotCount - shares.reduce((sum, share) => sum + Math.floor(share), 0);
  const candidates = shares
    .map((share, index) => ({
      index,
      remainder: share - Math.floor(share),
      savesMove: (holders[index]?.count ?? 0) > Math.floor(share),
    }))
    .filter(({ remainder }) => remainder > 0)
    .toSorted((one, other) => Number(other.savesMove) - Number(one.savesMove) || other.remainder - one.remainder);
  const raised = new Set(candidates.slice(0, missing).map(({ index }) => index));
  return shares.map((share, index) => Math.floor(share) + (raised.has(index) ? 1 : 0));
}
