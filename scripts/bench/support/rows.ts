import Table from 'cli-table3';
import { median, medianOfPairs } from './contest.ts';

/** A line of the result: our times, those of what they are held against, and what was promised. */
export interface Row {
  readonly part: string;
  readonly what: string;
  /** Of both; where it isn't given, they are times. */
  readonly unit?: Unit;
  readonly ours: readonly number[];
  /** Empty where there is nothing to compare with. */
  readonly other: readonly number[];
  readonly target?: Target;
}

export type Unit = 'ms' | '/s' | '% of a core' | 'MiB';

export type Target =
  | { readonly type: 'at most times'; readonly factor: number }
  | { readonly type: 'times faster'; readonly factor: number }
  | { readonly type: 'at most more'; readonly ms: number }
  | { readonly type: 'at most'; readonly ms: number }
  | { readonly type: 'times more'; readonly factor: number }
  | { readonly type: 'at least times'; readonly factor: number }
  | { readonly type: 'lower' }
  /** In the row's unit. */
  | { readonly type: 'below'; readonly value: number };

/** A row, worked out. The number fields are medians, in `unit`; `ratio` is the median of the rounds' own ratios. */
export interface Verdict {
  readonly part: string;
  readonly what: string;
  readonly unit: Unit;
  readonly ours: number;
  readonly other: number | undefined;
  /** Ours by the other. */
  readonly ratio: number | undefined;
  /** The value that the target is about, as a person reads it. */
  readonly comparison: string;
  readonly target: string;
  readonly reached: boolean | undefined;
  readonly samples: { readonly ours: readonly number[]; readonly other: readonly number[] };
}

export function judge({ part, what, unit = 'ms', ours, other, target }: Row): Verdict {
  const hasOther = other.length > 0;
  const ratio = medianOfPairs(ours, other, (one, two) => one / two);
  return {
    part,
    what,
    unit,
    ours: median(ours),
    other: hasOther ? median(other) : undefined,
    ratio: hasOther ? ratio : undefined,
    ...against(target, unit, { ours, other, ratio: hasOther ? `${ratio.toFixed(2)} ×` : '' }),
    samples: { ours, other },
  };
}

function against(
  target: Target | undefined,
  unit: Unit,
  {
    ours,
    other,
    ratio,
  }: { readonly ours: readonly number[]; readonly other: readonly number[]; readonly ratio: string },
): Pick<Verdict, 'comparison' | 'target' | 'reached'> {
  switch (target?.type) {
    case undefined:
      return { comparison: ratio, target: '', reached: undefined };
    case 'at most times': {
      const value = medianOfPairs(ours, other, (one, two) => one / two);
      return { comparison: ratio, target: `at most ${target.factor} ×`, reached: value <= target.factor };
    }
    case 'times faster': {
      const value = medianOfPairs(ours, other, (one, two) => two / one);
      const comparison = `${value.toFixed(2)} × faster`;
      return { comparison, target: `at least ${target.factor} × faster`, reached: value >= target.factor };
    }
    case 'at most more': {
      const value = medianOfPairs(ours, other, (one, two) => one - two);
      return {
        comparison: `${value.toFixed(Math.abs(value) < 10 ? 2 : 0)} ms more`,
        target: `at most ${target.ms} ms more`,
        reached: value <= target.ms,
      };
    }
    case 'at most':
      return { comparison: ratio, target: `at most ${target.ms} ms`, reached: median(ours) <= target.ms };
    case 'times more': {
      const value = medianOfPairs(ours, other, (one, two) => one / two);
      const comparison = `${value.toFixed(2)} × more`;
      return { comparison, target: `at least ${target.factor} × more`, reached: value >= target.factor };
    }
    case 'at least times': {
      const value = medianOfPairs(ours, other, (one, two) => one / two);
      return { comparison: ratio, target: `at least ${target.factor} ×`, reached: value >= target.factor };
    }
    case 'lower': {
      const value = medianOfPairs(ours, other, (one, two) => one / two);
      return { comparison: ratio, target: 'lower', reached: value < 1 };
    }
    case 'below':
      return { comparison: ratio, target: `below ${target.value} ${unit}`, reached: median(ours) < target.value };
  }
}

export function renderTable(verdicts: readonly Verdict[], colored: boolean): string {
  const table = new Table({
    head: ['what', 'ours', 'the other', 'ratio', 'target', 'reached'],
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
    style: colored ? {} : { head: [], border: [] },
  });
  for (const { part, what, unit, ours, other, comparison, target, reached } of verdicts) {
    const answer = reached === undefined ? '' : reached ? 'yes' : 'no';
    const shown = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
    const theirs = other === undefined ? '' : shown(other);
    table.push([`${part}: ${what}`, shown(ours), theirs, comparison, target, answer]);
  }
  return table.toString();
}
