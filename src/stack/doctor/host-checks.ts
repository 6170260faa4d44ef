import { access, constants, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { systemErrorCode } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { findRefusal, orUnreadable, othersOf } from '../../kept-files.ts';
import { primariesOf } from '../../spec/spec.ts';
import { findNamesProblem } from '../commands/names.ts';
import { certificateFolder } from '../connect/trust.ts';
import { circleOf, keptFolder } from '../session/source.ts';
import { mediumOf } from '../session/open.ts';
import { stateFolder } from '../../user-folders.ts';
import { oldestNode } from '../../version.ts';
import { failed, ok, orOk, skipped, warning, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';
import { findProxy, NO_PROXY, proxiesOf } from '../../plan/engine/plan-proxy.ts';
import { addressText } from '../../plan/model/host-ports.ts';
import { countText } from '../../units.ts';
import { isOwn } from '../../plan/model/names.ts';

export async function checkNode(): Promise<readonly Line[]> {
  const wanted = oldestNode();
  const { node } = process.versions;
  if (satisfies(node, `>=${wanted}`)) return [ok('Node.js', `${node}; ${wanted} or later is needed`)];
  return [
    failed(
      'Node.js',
      `${node}, and ${wanted} or later is needed`,
      `Install Node.js ${wanted} or later: https://nodejs.org`,
    ),
  ];
}

export async function checkYaml({ stack }: Facts): Promise<readonly Line[]> {
  const { spec, path } = await stack.find();
  const primaries = primariesOf(spec).length;
  return [ok('YAML file', `${path}: ${spec.name}, ${primaries} + ${spec.nodes.length - primaries} nodes`)];
}

/** Who may look into the folder in which keys and the password lie. */
export async function checkStateFolder({ stack, options: { env } }: Facts): Promise<readonly Line[]> {
  const loaded = await stack.know();
  const { spec } = loaded;
  const folder = keptFolder(loaded, env);
  const isShared = spec.secrets.shared !== undefined;
  const keyFolder = certificateFolder({ ...loaded, env });
  const subject = isShared ? 'shared folder' : 'state folder';
  const places = [folder, keyFolder, ...(spec.hosts.length === 0 ? [join(stateFolder(spec.name, env), 'locks')] : [])];
  for (const place of places) {
    const refusal = await findRefusal(place);
    if (refusal !== undefined) return [failed(subject, `${place} can't be used: ${refusal.why}`, refusal.hint)];
  }
  const mode = await modeOf(folder);
  if (mode === undefined) return [ok(subject, `${folder} is created by the first up`)];
  if ((mode & 0o300) !== 0o300) return [failed(subject, `${folder} can't be written`, `chmod 700 ${folder}`)];
  const files = await readdir(keyFolder).catch(() => []);
  const keys = files.filter((name) => /\.(key|pem)$/.test(name)).map((name) => join(keyFolder, name));
  await Promise.all(keys.map((key) => orUnreadable(key, 'the key', () => access(key, constants.R_OK))));
  const kept = [folder, ...keys];
  const modes = await Promise.all(kept.map(modeOf));
  const others = othersOf(circleOf(loaded));
  const open = kept.filter((_place, index) => ((modes[index] ?? 0) & others) !== 0);
  const isSafe = process.platform === 'win32' || open.length === 0;
  const text = `other users of this host may look into ${open.join(', ')}`;
  const lines = isSafe ? [] : [warning(subject, text, `chmod ${isShared ? 'o=' : 'go='} ${open.join(' ')}`)];
  return orOk(lines, subject, `${folder}, for its owner${isShared ? ' and group' : ''} only`);
}

/** Whether clients of this host find the nodes by name, where that is how they come. */
export async function checkNames({ stack }: Facts): Promise<readonly Line[]> {
  const { spec } = await stack.know();
  if (spec.access !== 'names') return [];
  const problem = await findNamesProblem(spec);
  return problem === undefined
    ? [ok('host names', 'this host finds every node by its name')]
    : [warning('host names', problem.text, problem.hint)];
}

export async function checkLock({ stack, engine, options: { env } }: Facts): Promise<readonly Line[]> {
  const { spec } = await stack.know();
  const { name, hosts } = spec;
  const medium = await mediumOf(name, env, hosts.length === 0 ? undefined : (await engine.know()).engine);
  const holder = await medium.findOther(false);
  if (holder === undefined) return [ok('lock', 'nobody changes the stack now')];
  const text = `${holder.text} changes the stack now: what is seen here may be over in a moment`;
  return [warning('lock', text, run('doctor'))];
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the password is where the YAML file says: in a file of this host, or in a Vault that gives it. */
export async function checkPassword(facts: Facts): Promise<readonly Line[]> {
  const { stack, secret, options } = facts;
  const { spec } = await stack.know();
  const isVault = spec.secrets.provider === 'vault';
  const subject = isVault ? 'Vault' : 'password';
  if (isVault && options.offline) return [skipped(subject, '--offline: it is not asked')];
  if ((await secret.find()) !== undefined) {
    const conflict = await facts.passwordConflict.know().catch(() => undefined);
    if (conflict !== undefined) return [failed(subject, conflict.message, conflict.hint)];
    return [ok(subject, isVault ? 'it answers and gives the password' : 'it is kept on this host, for its owner only')];
  }
  const { containers } = await facts.resources.know();
  if (!containers.some(isOwn(spec.name))) return [ok(subject, 'the first up creates it')];
  const text = "this host has lost the file of the password; the nodes' containers still hold it";
  return [warning(subject, text, run('up'))];
}

export async function checkCertificates(facts: Facts): Promise<readonly Line[]> {
  const { spec } = await facts.session.know();
  if (!spec.tls.enabled) return [ok('certificates', 'TLS is off in this stack')];
  const { shown, warnings } = await facts.certificates.find();
  const { containers } = await facts.resources.know();
  if (!containers.some(isOwn(spec.name))) return [skipped('certificates', 'the first up creates them')];
  const up = run('up');
  const renew = spec.tls.issuer.kind === 'files' ? hint`Put new files in the place of the old ones, then: ${up}` : up;
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
        hint`timedatectl status   # then: ${renew}`,
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

/** Whether clients on this host come in; nothing where that needs no proxy. */
export async function checkProxy({ stack, obstacles }: Facts): Promise<readonly Line[]> {
  const { spec } = await stack.know();
  const { wanted, observed } = await obstacles.know();
  if (wanted.proxy === undefined) return [];
  const current = findProxy(wanted, spec.name, observed.entrances);
  const [running = current] = proxiesOf(spec.name, observed.entrances);
  if (running === undefined) {
    const isAnyThere = observed.containers.some(isOwn(spec.name));
    return [isAnyThere ? failed('proxy', NO_PROXY, run('up')) : skipped('proxy', 'the first up starts it')];
  }
  const { info, addresses } = current ?? running;
  const text = `${addressText(addresses)}, process ${info.pid}, ${countText(info.connections, 'connection')}`;
  if (current !== undefined) return [ok('proxy', text)];
  return [warning('proxy', `${text}: it does not serve what the YAML file says now`, run('up'))];
}
