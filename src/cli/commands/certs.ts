import { hint, run } from '../../hint.ts';
import { countText } from '../../units.ts';
import type { Command } from '../core/command.ts';

export const certs: Command = {
  name: 'certs',
  summary: 'show the certificates that the nodes serve: who, for which names, until when',
  run: async ({ openSession }) => {
    const session = await openSession();
    const { readCertificates } = await import('../../stack/commands/certs.ts');
    const { shown, warnings } = await readCertificates(session);
    const isGood = shown.every(({ problem }) => problem === undefined);
    const certificates = shown.map(({ facts, ...rest }) => ({
      ...rest,
      ...facts,
      ...(facts && { notBefore: isoText(facts.notBeforeMs), notAfter: isoText(facts.notAfterMs) }),
    }));
    return {
      data: { stack: session.spec.name, certificates, warnings },
      show: async ({ table, line, bad, warn, next }) => {
        if (!session.spec.tls.enabled) {
          line('TLS is off in this stack: it has no certificates.');
          return;
        }
        const now = Date.now();
        const rows = shown.map(({ holder, place, facts }) =>
          facts === undefined
            ? [holder, '', '', '', place]
            : [holder, facts.subject, facts.issuer, untilText(facts.notAfterMs, now), place],
        );
        await table(['of', 'subject', 'issued by', 'until', 'where'], rows);
        line();
        for (const { holder, facts } of shown) {
          if (facts !== undefined && facts.names.length > 0) line(`${holder}: ${facts.names.join(', ')}`);
        }
        for (const { holder, problem } of shown) if (problem !== undefined) bad(`${holder}: ${problem}`);
        for (const warning of warnings) warn(warning);
        if (!isGood) next(hint`${run('up')}   # gives a node another certificate where it needs one`);
      },
      exitCode: isGood ? 0 : 1,
    };
  },
};

function isoText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function untilText(timeMs: number, nowMs: number): string {
  const days = Math.floor((timeMs - nowMs) / 86_400_000);
  return `${isoText(timeMs).slice(0, 10)} (${days < 0 ? 'ended' : countText(days, 'day')})`;
}
