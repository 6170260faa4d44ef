import type { Check, CheckState } from '../../stack/doctor/diagnosis.ts';
import type { Diagnosis } from '../../stack/doctor/doctor.ts';
import { painter, type Terminal } from '../core/terminal.ts';

const MARKS = {
  ok: ['green', '✓'],
  warning: ['yellow', '⚠'],
  failed: ['red', '✗'],
  skipped: ['dim', '·'],
} as const satisfies Record<CheckState, readonly [string, string]>;

export function showDiagnosis({ stack, checks }: Diagnosis, { stdout, env }: Terminal): void {
  const paint = painter(stdout, env);
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  let heading: string | undefined;
  for (const check of checks) {
    if (check.heading !== heading)
      stdout.write(`${heading === undefined ? '' : '\n'}${paint('bold', check.heading)}\n`);
    heading = check.heading;
    const [style, mark] = MARKS[check.state];
    const [first = '', ...others] = check.text.split('\n');
    stdout.write(
      `  ${paint(style, mark)} ${check.subject.padEnd(width)}  ${check.state === 'skipped' ? paint('dim', first) : first}\n`,
    );
    for (const line of others) stdout.write(`    ${' '.repeat(width)}  ${line}\n`);
    if (check.mend !== undefined) stdout.write(`    ${' '.repeat(width)}  → ${check.mend}\n`);
  }
  stdout.write(`\n${summary(stack, checks)}\n`);
}

function summary(stack: string | undefined, checks: readonly Check[]): string {
  const count = (wanted: CheckState): number => checks.filter(({ state }) => state === wanted).length;
  const [failures, warnings, unseen] = [count('failed'), count('warning'), count('skipped')];
  const mark = failures > 0 ? '✗' : warnings > 0 ? '⚠' : '✓';
  const parts = [
    `${failures} failed`,
    `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`,
    `${count('ok')} well`,
    ...(unseen === 0 ? [] : [`${unseen} could not be looked at (·)`]),
  ];
  return `${mark} ${stack ?? 'no stack'}: ${parts.join(', ')}`;
}

export function diagnosisAsJson({ stack, isOk, checks }: Diagnosis): object {
  return { stack: stack ?? null, ok: isOk, checks };
}
