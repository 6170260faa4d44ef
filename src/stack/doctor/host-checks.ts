import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../../errors.ts';
import { primariesOf } from '../../spec/spec.ts';
import { commandText } from '../session/command-text.ts';
import { findStackLock } from '../session/stack-lock.ts';
import { stateFolder } from '../session/state-folder.ts';
import { failed, ok, orOk, warning, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';
import { isAtLeast } from '../../versions.ts';

export async function checkNode({ options }: Facts): Promise<readonly Line[]> {
  const text = await readFile(join(options.root, 'package.json'), 'utf8');
  const wanted = /"engines":\s*\{\s*"node":\s*">=([\d.]+)"/.exec(text)?.[1] ?? '0';
  const { node } = process.versions;
  if (isAtLeast(node, wanted)) return [ok('Node.js', `${node}; ${wanted} or later is needed`)];
  return [failed('Node.js', `${node}, and ${wanted} or later is needed`, 'sh scripts/bootstrap.sh')];
}

export async function checkYaml({ stack }: Facts): Promise<readonly Line[]> {
  const { spec, path } = await stack.find();
  const primaries = primariesOf(spec).length;
  return [ok('YAML file', `${path}: ${spec.name}, ${primaries} + ${spec.nodes.length - primaries} nodes`)];
}

/** Who may look into the folder in which keys and the password lie. */
export async function checkStateFolder({ stack, options: { env } }: Facts): Promise<readonly Line[]> {
  const { spec } = await stack.know();
  const folder = stateFolder(spec.name, env);
  const mode = await modeOf(folder);
  if (mode === undefined) return [ok('state folder', `${folder} is made by the first up`)];
  const subject = 'state folder';
  if ((mode & 0o300) !== 0o300) return [failed(subject, `${folder} can't be written`, `chmod 700 ${folder}`)];
  const files = await readdir(join(folder, 'tls')).catch(() => []);
  const keys = files.filter((name) => /\.(key|pem)$/.test(name)).map((name) => join(folder, 'tls', name));
  const places = [folder, ...keys];
  const modes = await Promise.all(places.map(modeOf));
  const open = places.filter((_place, index) => ((modes[index] ?? 0) & 0o077) !== 0);
  const isSafe = process.platform === 'win32' || open.length === 0;
  const text = `other users of this host may look into ${open.join(', ')}`;
  const lines = isSafe ? [] : [warning(subject, text, `chmod go= ${open.join(' ')}`)];
  return orOk(lines, subject, `${folder}, for its owner only`);
}

export async function checkLock({ stack, options: { env } }: Facts): Promise<readonly Line[]> {
  const loaded = await stack.know();
  const holder = await findStackLock({ ...loaded, env });
  if (holder === undefined) return [ok('lock', 'nobody changes the stack now')];
  const text = `${holder.text} changes the stack now: what is seen here may be over in a moment`;
  return [warning('lock', text, commandText(loaded, 'doctor'))];
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
