import { StackError } from '../../errors.ts';
import { hint, run, type Hint } from '../../hint.ts';
import {
  findMissingAliases,
  findUnresolved,
  HOSTS_FILE,
  hostNamesOf,
  linesOf,
  readHosts,
  setAliases,
  withNames,
  writeHosts,
  type HostName,
} from '../../host/hosts-file.ts';
import type { Spec } from '../../spec/spec.ts';
import { list } from '../../cluster/findings/finding.ts';

interface Names {
  readonly file: string;
  readonly names: readonly HostName[];
  /** Those that don't lead to their nodes from here. */
  readonly unresolved: readonly HostName[];
  /** Addresses that this host lacks: see `findMissingAliases`. */
  readonly missingAliases: readonly string[];
}

/** Whether this host knows the nodes by name. Its hosts file is read and nothing asked: a question may leave this machine. */
export async function readNames(spec: Spec, file = HOSTS_FILE): Promise<Names> {
  const names = hostNamesOf(spec);
  const text = await readHosts(file).catch(() => '');
  return { file, names, unresolved: findUnresolved(text, names), missingAliases: findMissingAliases(names) };
}

/** What is still to be done here before clients come by name; undefined where nothing is, or they don't come so. */
export async function findNamesProblem(
  spec: Spec,
): Promise<{ readonly text: string; readonly hint: Hint } | undefined> {
  if (spec.access !== 'names') return undefined;
  const { file, unresolved, missingAliases } = await readNames(spec);
  const text =
    unresolved.length > 0
      ? `${file} does not lead to ${list(unresolved.map(({ name }) => name))}: clients on this host don't find them`
      : `this host does not have ${list(missingAliases)}: macOS forgets such addresses when it ends`;
  return unresolved.length + missingAliases.length === 0 ? undefined : { text, hint: run('access names --install') };
}

/**
 * Writes the names into the hosts file.
 *
 * @returns whether anything was changed
 * @throws StackError, with nothing changed
 */
export async function installNames(
  spec: Spec,
  confirm: (question: string) => Promise<boolean>,
  file = HOSTS_FILE,
): Promise<boolean> {
  if (spec.access !== 'names') {
    throw new StackError('USAGE', {
      message: `access is ${spec.access} in the YAML file: the nodes announce addresses, and no name leads to them`,
      hint: hint`Set access: names there, then: ${run('up')}`,
    });
  }
  const names = hostNamesOf(spec);
  return change(spec, names, { file, confirm, aliases: findMissingAliases(names) });
}

/** Takes them out again. */
export async function removeNames(
  spec: Spec,
  confirm: (question: string) => Promise<boolean>,
  file = HOSTS_FILE,
): Promise<boolean> {
  const names = hostNamesOf(spec);
  const missing = new Set(findMissingAliases(names));
  const isMac = process.platform === 'darwin';
  const aliases = isMac ? names.map(({ address }) => address).filter((address) => !missing.has(address)) : [];
  return change(spec, [], { file, confirm, aliases });
}

interface Change {
  readonly file: string;
  readonly confirm: (question: string) => Promise<boolean>;
  /** To be added with names, to be taken away without. */
  readonly aliases: readonly string[];
}

async function change(spec: Spec, names: readonly HostName[], { file, confirm, aliases }: Change): Promise<boolean> {
  const isRemoval = names.length === 0;
  if (process.platform === 'win32') {
    throw new StackError('USAGE', {
      message: 'this program does not change the hosts file of Windows',
      hint: hint`${run('access names')}   # shows the lines; put them there, as administrator`,
    });
  }
  const text = await readHosts(file);
  const next = withNames(text, spec.name, names, file);
  if (next === text && aliases.length === 0) return false;
  const what = isRemoval ? `the names of ${spec.name} out of ${file}` : `into ${file}:\n${linesOf(names)}\n`;
  const alias =
    aliases.length === 0 ? '' : ` (and ifconfig lo0 ${isRemoval ? '-alias' : 'alias'} ${aliases.join(', ')})`;
  if (!(await confirm(`${isRemoval ? 'Take' : 'Write'} ${what}${alias}?`))) {
    const unasked = isRemoval ? run('access names --remove --yes') : run('access names --install --yes');
    throw new StackError('CONFIRMATION_NEEDED', {
      message: `changing ${file} was not confirmed; nothing was changed`,
      hint: hint`${unasked}   # does it without asking`,
    });
  }
  if (next !== text) await writeHosts(next, file);
  await setAliases(aliases, isRemoval ? '-alias' : 'alias');
  return true;
}
