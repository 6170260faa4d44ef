import { planText } from '../../plan/model/actions.ts';
import type { Command } from '../core/command.ts';

const CHANGES_PENDING = 3;

export const plan: Command = {
  name: 'plan',
  summary: 'show what `up` would do and why; changes nothing',
  options: [{ flags: '--detailed-exitcode', summary: 'exit with 3 when there is something to do' }],
  run: async ({ openSession, options, terminal, json }) => {
    const session = await openSession({ secret: true });
    const { plan: makePlan } = await import('../../stack/commands/plan.ts');
    const { actions, nodeActions, conflicts, pulls, warnings } = await makePlan(session);
    const isPending = actions.length + nodeActions.length > 0 || pulls !== undefined;
    if (json) {
      terminal.stdout.write(
        `${JSON.stringify({ stack: session.spec.name, pulls, actions, nodeActions, conflicts, warnings }, null, 2)}\n`,
      );
    } else {
      if (pulls !== undefined) terminal.stdout.write(`+ pull image ${pulls}  (not on this engine)\n`);
      terminal.stdout.write(planText(actions));
      for (const { type, node, cause } of nodeActions) terminal.stdout.write(`~ ${type} ${node}  (${cause})\n`);
      if (!isPending) terminal.stdout.write('Nothing to do: all is as the YAML file says.\n');
      for (const warning of warnings) terminal.stdout.write(`! ${warning}\n`);
      for (const { code, message, hint } of conflicts) terminal.stdout.write(`✗ ${message} [${code}]\n  → ${hint}\n`);
    }
    if (conflicts.length > 0) return 1;
    return isPending && options['detailedExitcode'] === true ? CHANGES_PENDING : 0;
  },
};
