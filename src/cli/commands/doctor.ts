import type { Command } from '../core/command.ts';
import type { RenderHint } from '../../hint.ts';
import type { Check, CheckState } from '../../stack/doctor/diagnosis.ts';
import type { Diagnosis } from '../../stack/doctor/doctor.ts';
import type { Screen } from '../core/output.ts';
import { countText } from '../../units.ts';

export const doctor: Command = {
  name: 'doctor',
  summary:
    "why things don't work, and the commands that repair them; changes nothing (exit code 1 when something failed)",
  options: {
    '--bundle <file>': 'write what a helper needs to see into a new .tar or .tar.gz, without secrets',
  },
  run: async ({ connection, options, renderHint }) => {
    const { diagnose } = await import('../../stack/doctor/doctor.ts');
    const { writeBundle, requireNewFile } = await import('../../stack/doctor/bundle.ts');
    const file = options['bundle'] === undefined ? undefined : await requireNewFile(String(options['bundle']));
    return diagnose(connection, async (facts, diagnosis) => {
      const result = diagnosisAsJson(diagnosis, renderHint);
      const bundle = file === undefined ? undefined : await writeBundle(file, facts, result);
      return {
        data: { ...result, ...(bundle && { bundle }) },
        show: (screen) => {
          showDiagnosis(diagnosis, screen);
          if (bundle === undefined) return;
          screen.line(`\nWritten to ${bundle.file}, without passwords, keys, tokens and environments:`);
          for (const { path, about } of bundle.entries) screen.line(`  ${path}   ${about}`);
        },
        exitCode: diagnosis.isOk ? 0 : 1,
      };
    });
  },
};

const MARKS = {
  ok: ['green', '✓'],
  warning: ['yellow', '⚠'],
  failed: ['red', '✗'],
  skipped: ['dim', '·'],
} as const satisfies Record<CheckState, readonly [string, string]>;

function showDiagnosis({ stack, checks }: Diagnosis, { line, paint, renderHint }: Screen): void {
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  const margin = ' '.repeat(width + 4);
  let heading: string | undefined;
  for (const check of checks) {
    if (check.heading !== heading) line(`${heading === undefined ? '' : '\n'}${paint('bold', check.heading)}`);
    heading = check.heading;
    const [style, mark] = MARKS[check.state];
    const [first = '', ...others] = check.text.split('\n');
    line(
      `  ${paint(style, mark)} ${check.subject.padEnd(width)}  ${check.state === 'skipped' ? paint('dim', first) : first}`,
    );
    for (const text of others) line(`${margin}  ${text}`);
    if (check.mend !== undefined) line(`${margin}  → ${renderHint(check.mend)}`);
  }
  line(`\n${summary(stack, checks)}`);
}

function summary(stack: string | undefined, checks: readonly Check[]): string {
  const count = (wanted: CheckState): number => checks.filter(({ state }) => state === wanted).length;
  const [failures, warnings, unseen] = [count('failed'), count('warning'), count('skipped')];
  const mark = failures > 0 ? '✗' : warnings > 0 ? '⚠' : '✓';
  const parts = [
    `${failures} failed`,
    countText(warnings, 'warning'),
    `${count('ok')} well`,
    ...(unseen === 0 ? [] : [`${unseen} could not be looked at (·)`]),
  ];
  return `${mark} ${stack ?? 'no stack'}: ${parts.join(', ')}`;
}

function diagnosisAsJson({ stack, isOk, checks }: Diagnosis, renderHint: RenderHint): object {
  const shown = checks.map(({ mend, ...check }) => ({ ...check, ...(mend && { mend: renderHint(mend) }) }));
  return { stack: stack ?? null, ok: isOk, checks: shown };
}
