export interface Shareholder {
  readonly weight: number;
  /** Slots that it owns now. */
  readonly count: number;
}

/** Below this, a share is a whole number that floating point has missed. */
const ROUNDING_NOISE = 1e-6;

/** What each would own if slots could be cut, in proportion to its weight. The weights must not all be 0. */
export function exactShares(holders: readonly Shareholder[]): number[] {
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
export function wholeShares(holders: readonly Shareholder[]): number[] {
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
