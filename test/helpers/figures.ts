/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** By how much `values` grow from one to the next, as the line of least squares says. */
export function slope(values: readonly number[]): number {
  const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
  const [meanIndex, meanValue] = [(values.length - 1) / 2, mean(values)];
  const spread = values.reduce((sum, _value, index) => sum + (index - meanIndex) ** 2, 0);
  return values.reduce((sum, value, index) => sum + (index - meanIndex) * (value - meanValue), 0) / spread;
}
