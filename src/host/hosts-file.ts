import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, readFile, realpath } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { hint, quoted, run } from '../hint.ts';
import { marksOf, withBlock } from '../marked-block.ts';
import { loopbackAddress } from '../spec/addresses.ts';
import type { Spec } from '../spec/spec.ts';

/** A node, as clients of this host find it: the name that it announces, and the loopback address at which it is published. */
export interface HostName {
  readonly name: string;
  readonly address: string;
}

export const HOSTS_FILE =
  process.platform === 'win32' ? String.raw`C:\Windows\System32\drivers\etc\hosts` : '/etc/hosts';

export function hostNamesOf({ nodes }: Pick<Spec, 'nodes'>): HostName[] {
  return nodes.map(({ name, ip }) => ({ name, address: loopbackAddress(ip) }));
}

const TITLE = 'redis-cluster-as-code';

/** What the block of a stack holds. */
export function linesOf(names: readonly HostName[]): string {
  return names.map(({ name, address }) => `${address} ${name}`).join('\n');
}

/** Those that a hosts file doesn't lead to their address: to none, or to another first. */
export function findUnresolved(text: string, names: readonly HostName[]): HostName[] {
  const entries = entriesOf(text);
  return names.filter((one) => entries.find((entry) => entry.names.includes(one.name))?.address !== one.address);
}

/**
 * A hosts file with the names of a stack in its block; without names, without the block.
 *
 * @throws StackError where somebody cut a part of the block, or has one of the names elsewhere
 */
export function withNames(text: string, stack: string, names: readonly HostName[], file = HOSTS_FILE): string {
  const marks = marksOf(`${TITLE} ${stack}`);
  const next = withBlock(text, marks, names.length === 0 ? undefined : linesOf(names));
  if (next === undefined) {
    throw new StackError('USAGE', {
      message: `${file} holds not one whole block between '${marks.first}' and '${marks.last}': nothing was changed`,
      hint: hint`Delete these lines and what is left between them, then: ${run('access names --install')}`,
    });
  }
  for (const { number, stack: owner, address, names: taken } of entriesOf(text)) {
    const clash = names.find((one) => taken.includes(one.name) && one.address !== address);
    if (clash === undefined || owner === stack) continue;
    const who = owner === undefined ? `line ${number}` : `the stack ${owner}`;
    throw new StackError('NAME_TAKEN', {
      message: `in ${file}, ${who} leads ${clash.name} to ${address}, and it is to be ${clash.address}: nothing was changed`,
      hint:
        owner === undefined
          ? `Take ${clash.name} out of that line, or rename the node in the YAML file.`
          : hint`Rename the node in the YAML file, or take the names of ${owner} out, with its file: ${run('access names --remove')}`,
    });
  }
  return next;
}

interface Entry {
  readonly number: number;
  /** Whose block it is in. */
  readonly stack: string | undefined;
  readonly address: string;
  readonly names: readonly string[];
}

function entriesOf(text: string): Entry[] {
  let stack: string | undefined;
  return text.split('\n').flatMap((line, index): Entry[] => {
    const [, mark, owner] = new RegExp(`^# (>>>|<<<) ${TITLE} (\\S+) `).exec(line) ?? [];
    if (mark !== undefined) stack = mark === '>>>' ? owner : undefined;
    const [address = '', ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    return names.length === 0 ? [] : [{ number: index + 1, stack, address, names }];
  });
}

/** One character a byte, so that what is no UTF-8 stays as it is. @throws StackError USAGE where it can't be read */
export async function readHosts(file = HOSTS_FILE): Promise<string> {
  return readFile(file, 'latin1').catch((cause: unknown) => {
    const message = `${file} can't be read: ${errorMessage(cause)}`;
    throw new StackError('USAGE', { message, hint: `ls -l ${quoted(file)}`, cause });
  });
}

/**
 * In place of the old file, with its mode and its owner, whole or not at all; in a container, where it can't be replaced, into it.
 * With sudo where this user may not.
 */
export async function writeHosts(text: string, file = HOSTS_FILE): Promise<void> {
  const path = await realpath(file);
  const isAllowed = await Promise.all([path, dirname(path)].map((one) => access(one, constants.W_OK))).then(
    () => true,
    () => false,
  );
  await runScript(WRITE, [path, `${path}.${process.pid}`], { isAllowed, input: Buffer.from(text, 'latin1') });
}

const WRITE =
  'cp -a "$1" "$2" && cat > "$2" && { mv -f "$2" "$1" 2>/dev/null || cat "$2" > "$1"; }; ended=$?; rm -f "$2"; exit $ended';

/** Loopback addresses that this host doesn't have. Linux has all of 127.0.0.0/8, macOS only what it was told since it started. */
export function findMissingAliases(
  names: readonly HostName[],
  { platform = process.platform, interfaces = networkInterfaces() } = {},
): string[] {
  if (platform !== 'darwin') return [];
  const present = new Set(Object.values(interfaces).flatMap((all = []) => all.map(({ address }) => address)));
  return names.map(({ address }) => address).filter((address) => !present.has(address));
}

/** `ifconfig` of macOS. */
export async function setAliases(addresses: readonly string[], verb: 'alias' | '-alias'): Promise<void> {
  const script = `for address; do ifconfig lo0 ${verb} "$address" || exit; done`;
  if (addresses.length > 0) await runScript(script, addresses, { isAllowed: process.getuid?.() === 0 });
}

async function runScript(
  script: string,
  args: readonly string[],
  { isAllowed, input = Buffer.of() }: { readonly isAllowed: boolean; readonly input?: Buffer },
): Promise<void> {
  const [command = '', ...rest] = [...(isAllowed ? [] : ['sudo']), 'sh', '-c', script, 'sh', ...args];
  const child = spawn(command, rest, { stdio: ['pipe', 'ignore', 'inherit'] });
  // Who ends before he has read it says so by his exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const failure = await once(child, 'close').then(
    ([code]) => (code === 0 ? undefined : `${command} ended with ${String(code)}`),
    (error: unknown) => (systemErrorCode(error) === 'ENOENT' ? `there is no ${command}` : errorMessage(error)),
  );
  if (failure === undefined) return;
  throw new StackError('USAGE', {
    message: `this user may not change the names of this host: ${failure}`,
    hint: hint`${run('access names')}   # shows what to change by hand`,
  });
}
