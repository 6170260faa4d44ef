import Table from 'cli-table3';
import { median, medianOfPairs } from './contest.ts';

/** A line of the result: our times, those of what they are held against, and what was promised. */
export interface Row {
  readonly part: string;
  readonly what: string;
  readonly ours: readonly number[];
  /** Empty where there is nothing to compare with. */
  readonly other: readonly number[];
  readonly target?: Target;
}

export type Target =
  | { readonly type: 'at most times'; readonly factor: number }
  | { readonly type: 'times faster'; readonly factor: number }
  | { readonly type: 'at most more'; readonly ms: number }
  | { readonly type: 'at most'; readonly ms: number };

/** A row, worked out. The number fields are medians; `ratio` is the median of the rounds' own ratios. */
export interface Verdict {
  readonly part: string;
  readonly what: string;
  readonly oursMs: number;
  readonly otherMs: number | undefined;
  /** Ours by the other. */
  readonly ratio: number | undefined;
  /** The value that the target is about, as a person reads it. */
  readonly comparison: string;
  readonly target: string;
  readonly reached: boolean | undefined;
  readonly samples: { readonly ours: readonly number[]; readonly other: readonly number[] };
}

export function judge({ part, what, ours, other, target }: Row): Verdict {
  const hasOther = other.length > 0;
  const ratio = medianOfPairs(ours, other, (one, two) => one / two);
  return {
    part,
    what,
    oursMs: median(ours),
    otherMs: hasOther ? median(other) : undefined,
    ratio: hasOther ? ratio : undefined,
    ...against(target, ours, other, hasOther ? `${ratio.toFixed(2)} ×` : ''),
    samples: { ours, other },
  };
}

function against(
  target: Target | undefined,
  ours: readonly number[],
  other: readonly number[],
  ratio: string,
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
        comparison: `${value.toFixed(0)} ms more`,
        target: `at most ${target.ms} ms more`,
        reached: value <= target.ms,
      };
    }
    case 'at most':
      return { comparison: ratio, target: `at most ${target.ms} ms`, reached: median(ours) <= target.ms };
  }
}

export function renderTable(verdicts: readonly Verdict[], colored: boolean): string {
  const table = new Table({
    head: ['what', 'ours (ms)', 'the other (ms)', 'ratio', 'target', 'reached'],
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
    style: colored ? {} : { head: [], border: [] },
  });
  for (const { part, what, oursMs, otherMs, comparison, target, reached } of verdicts) {
    const answer = reached === undefined ? '' : reached ? 'yes' : 'no';
    table.push([`${part}: ${what}`, oursMs.toFixed(0), otherMs?.toFixed(0) ?? '', comparison, target, answer]);
  }
  return table.toString();
}
