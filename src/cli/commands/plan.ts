import { planText } from '../../plan/model/action.ts';
import { mayGoOn } from '../../plan/next.ts';
import { run } from '../../hint.ts';
import type { Command } from '../core/command.ts';

const CHANGES_PENDING = 3;

export const plan: Command = {
  name: 'plan',
  summary: 'show what `up` would do and why; changes nothing',
  options: { '--detailed-exitcode': 'exit with 3 when there is something to do' },
  run: async ({ openSession, options, renderHint }) => {
    const session = await openSession({ secret: true });
    const { plan: makePlan } = await import('../../stack/commands/plan.ts');
    const { actions, later, waitsFor, pulls, ...found } = await makePlan(session);
    const conflicts = found.conflicts.map((conflict) => ({ ...conflict, hint: renderHint(conflict.hint) }));
    const warnings = found.warnings.map(renderHint);
    const notices = found.notices.map((notice) => ({ ...notice, hint: renderHint(notice.hint) }));
    const isPending = actions.length + later.length + waitsFor.length > 0 || pulls !== undefined;
    const pendingCode = options['detailedExitcode'] === true ? CHANGES_PENDING : 0;
    return {
      data: { stack: session.spec.name, pulls, actions, later, waitsFor, conflicts, warnings, notices },
      show: ({ line }) => {
        if (pulls !== undefined) line(`+ pull image ${pulls}  (not on this engine)`);
        if (actions.length > 0) line(planText(actions).trimEnd());
        if (later.length > 0) line(`Then:\n${planText(later).trimEnd()}`);
        const waiting = actions.length === 0 ? waitsFor : [];
        for (const reason of waiting) line(`… waits for: ${reason}`);
        if (mayGoOn(actions) || waiting.length > 0) line('More may follow: up looks again after each round.');
        if (!isPending) line('Nothing to do: all is as the YAML file says.');
        if ([...actions, ...later].some(({ destructive }) => destructive))
          line(`Lines with ! give up keys, and up refuses that. This asks first: ${renderHint(run('cluster fix'))}`);
        for (const warning of warnings) line(`! ${warning}`);
        for (const { text, hint } of notices) line(`! ${text}\n  → ${hint}`);
        for (const { code, message, hint } of conflicts) line(`✗ ${message} [${code}]\n  → ${hint}`);
      },
      exitCode: conflicts.length > 0 ? 1 : isPending ? pendingCode : 0,
    };
  },
};
