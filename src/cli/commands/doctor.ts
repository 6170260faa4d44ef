import type { Command } from '../core/command.ts';
import { diagnosisAsJson, showDiagnosis } from '../views/doctor.ts';

export const doctor: Command = {
  name: 'doctor',
  summary:
    "why things don't work, and the commands that mend them; changes nothing (exit code 1 when something failed)",
  options: [
    {
      flags: '--bundle <file>',
      summary: 'write what a helper needs to see into a new .tar or .tar.gz, without secrets',
    },
  ],
  run: async ({ connection, options, terminal, json }) => {
    const { diagnose } = await import('../../stack/doctor/doctor.ts');
    const { writeBundle, requireNewFile } = await import('../../stack/doctor/bundle.ts');
    const file = options['bundle'] === undefined ? undefined : await requireNewFile(String(options['bundle']));
    return diagnose(connection, async (facts, diagnosis) => {
      const result = diagnosisAsJson(diagnosis);
      const bundle = file === undefined ? undefined : await writeBundle(file, facts, result);
      if (json) terminal.stdout.write(`${JSON.stringify({ ...result, ...(bundle && { bundle }) }, null, 2)}\n`);
      else {
        showDiagnosis(diagnosis, terminal);
        if (bundle !== undefined) {
          terminal.stdout.write(`\nWritten to ${bundle.file}, without passwords, keys, tokens and environments:\n`);
          for (const { path, about } of bundle.entries) terminal.stdout.write(`  ${path}   ${about}\n`);
        }
      }
      return diagnosis.isOk ? 0 : 1;
    });
  },
};
