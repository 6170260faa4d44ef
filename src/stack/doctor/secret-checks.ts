import { isOwn } from '../../plan/model/names.ts';
import { commandText } from '../session/command-text.ts';
import { failed, ok, orOk, skipped, warning, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';

/** Whether the password is where the YAML file says: in a file of this host, or in a Vault that gives it. */
export async function checkPassword(facts: Facts): Promise<readonly Line[]> {
  const { stack, secret, options } = facts;
  const { spec, path } = await stack.know();
  const isVault = spec.secrets.provider === 'vault';
  const subject = isVault ? 'Vault' : 'password';
  if (isVault && options.offline) return [skipped(subject, '--offline: it is not asked')];
  if ((await secret.find()) !== undefined) {
    return [ok(subject, isVault ? 'it answers and gives the password' : 'it is kept on this host, for its owner only')];
  }
  const { containers } = await facts.resources.know();
  if (!containers.some(isOwn(spec.name))) return [ok(subject, 'the first up makes it')];
  const text = "this host has lost the file of the password; the nodes' containers still hold it";
  return [warning(subject, text, commandText({ path }, 'up'))];
}

export async function checkCertificates(facts: Facts): Promise<readonly Line[]> {
  const { spec, path } = await facts.session.know();
  if (!spec.tls.enabled) return [ok('certificates', 'TLS is off in this stack')];
  const { shown, warnings } = await facts.certificates.find();
  const { containers } = await facts.resources.know();
  if (!containers.some(isOwn(spec.name))) return [skipped('certificates', 'the first up makes them')];
  const up = commandText({ path }, 'up');
  const renew = spec.tls.issuer.kind === 'files' ? `Put new files in the place of the old ones, then: ${up}` : up;
  const now = Date.now();
  const lines = shown.flatMap(({ holder, place, facts: facts_, problem }): Line[] => {
    // A node that shows none has a line of its own: it doesn't answer over TLS.
    if (facts_ === undefined) return [];
    if (problem !== undefined) return [failed(holder, `${place}: ${problem}`, renew)];
    if (facts_.notBeforeMs <= now) return [];
    const from = new Date(facts_.notBeforeMs).toISOString();
    return [
      failed(
        holder,
        `${place}: it is valid only from ${from}: a clock was wrong, or is`,
        `timedatectl status   # then: ${renew}`,
      ),
    ];
  });
  // Whoever has ended has failed above.
  const ending = warnings
    .filter((text) => !text.includes('has ended'))
    .map((text) => warning('certificates', text, renew));
  const soonest = Math.min(...shown.flatMap(({ facts: known }) => (known === undefined ? [] : [known.notAfterMs])));
  const until = Number.isFinite(soonest) ? `; the first ends on ${new Date(soonest).toISOString().slice(0, 10)}` : '';
  return orOk([...lines, ...ending], 'certificates', `all that are served and kept here are trusted${until}`);
}
