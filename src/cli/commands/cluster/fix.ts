import type { Command } from '../../core/command.ts';
import { confirm, painter } from '../../core/terminal.ts';

export const clusterFix: Command = {
  name: 'cluster fix',
  changes: true,
  summary: 'mend what `cluster check` finds; asks before anything by which keys may be lost',
  options: [
    { flags: '--simulate', summary: 'show what would be done next, and change nothing' },
    { flags: '--dry-run', summary: 'the same' },
    { flags: '-y, --yes', summary: 'answer yes to every question' },
  ],
  run: async ({ openSession, options, terminal, json, signal, endProgress }) => {
    const session = await openSession();
    const { fixCluster } = await import('../../../stack/reconcile/fix.ts');
    const simulate = options['simulate'] === true || options['dryRun'] === true;
    const { steps, movedKeys, findings } = await fixCluster(session, {
      simulate,
      onPlan: (text) => {
        endProgress();
        if (!json) terminal.stdout.write(text);
      },
      confirm: async (question) => options['yes'] === true || (!json && (await confirm(terminal, question, signal))),
    });
    endProgress();
    const stack = session.spec.name;
    if (json) {
      terminal.stdout.write(`${JSON.stringify({ stack, simulated: simulate, findings, steps, movedKeys }, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    if (findings.length === 0) terminal.stdout.write(`${mark} ${stack}: nothing to mend\n`);
    else if (!simulate) terminal.stdout.write(`${mark} ${stack}: mended; ${movedKeys} keys were moved\n`);
    else if (steps.length === 0) terminal.stdout.write(`${stack}: nothing that can be mended here\n`);
    return 0;
  },
};
