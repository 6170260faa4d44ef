import { appendFileSync } from 'node:fs';

/** What one story of the reliability run measured: counts, times with their unit in the name, or texts. */
export type Figures = Readonly<Record<string, number | string>>;

/**
 * Adds figures to the report from which docs/reliability.md is made, as one line of JSON. Without a report (a story that is
 * run by hand) they are printed.
 */
export function record(story: string, figures: Figures): void {
  const line = JSON.stringify({ story, figures });
  const report = process.env['RELIABILITY_REPORT'];
  if (report === undefined) console.log(line);
  else appendFileSync(report, `${line}\n`);
}

/** Stories of the usual run go through a few points of each kind; `npm run reliability` has them go through all. */
export const isThorough = process.env['RELIABILITY_REPORT'] !== undefined;

/** How many rounds a story takes: all of them in the full run, fewer where somebody only tries whether it works. */
export function rounds(full: number): number {
  const wanted = process.env['RELIABILITY_ROUNDS'];
  return wanted === undefined ? full : Math.min(full, Number(wanted));
}
