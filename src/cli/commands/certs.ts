import { painter } from '../core/terminal.ts';
import type { Command } from '../core/command.ts';
import { table } from '../views/table.ts';

export const certs: Command = {
  name: 'certs',
  summary: 'show the certificates that the nodes serve: who, for which names, until when',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { readCertificates } = await import('../../stack/commands/certs.ts');
    const { shown, warnings } = await readCertificates(session);
    const isGood = shown.every(({ problem }) => problem === undefined);
    if (json) {
      const certificates = shown.map(({ facts, ...rest }) => ({
        ...rest,
        ...facts,
        ...(facts && { notBefore: isoText(facts.notBeforeMs), notAfter: isoText(facts.notAfterMs) }),
      }));
      terminal.stdout.write(`${JSON.stringify({ stack: session.spec.name, certificates, warnings }, null, 2)}\n`);
      return isGood ? 0 : 1;
    }
    if (!session.spec.tls.enabled) {
      terminal.stdout.write('TLS is off in this stack: it has no certificates.\n');
      return 0;
    }
    const now = Date.now();
    const rows = shown.map(({ holder, place, facts }) =>
      facts === undefined
        ? [holder, '', '', '', place]
        : [holder, facts.subject, facts.issuer, untilText(facts.notAfterMs, now), place],
    );
    terminal.stdout.write(`${await table(['of', 'subject', 'issued by', 'until', 'where'], rows)}\n\n`);
    for (const { holder, facts } of shown) {
      if (facts !== undefined && facts.names.length > 0)
        terminal.stdout.write(`${holder}: ${facts.names.join(', ')}\n`);
    }
    const paint = painter(terminal.stdout, terminal.env);
    for (const { holder, problem } of shown) {
      if (problem !== undefined) terminal.stdout.write(`${paint('red', '✗')} ${holder}: ${problem}\n`);
    }
    for (const warning of warnings) terminal.stdout.write(`${paint('yellow', '!')} ${warning}\n`);
    if (!isGood)
      terminal.stdout.write('Next: npx tsx manage.ts up   # gives a node another certificate where it needs one\n');
    return isGood ? 0 : 1;
  },
};

function isoText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function untilText(timeMs: number, nowMs: number): string {
  const days = Math.floor((timeMs - nowMs) / 86_400_000);
  return `${isoText(timeMs).slice(0, 10)} (${days < 0 ? 'ended' : `${days} days`})`;
}
