import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { StackError, systemErrorCode } from '../errors.ts';

/** The environment variable that names the process for which everything is made: `REDIS_CLUSTER_OWNER_PID=$$`. */
export const OWNER_VARIABLE = 'REDIS_CLUSTER_OWNER_PID';

/** Who runs this program, for others to read: `ann@laptop`. */
export function accountName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user without a name.
    return `${process.getuid?.() ?? 'somebody'}@${hostname()}`;
  }
}

/**
 * The process that the environment names, as a text that means this process and no other, ever. Undefined without one.
 *
 * @throws StackError USAGE for anything but the number of a process of this host
 */
export async function findOwner(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const text = env[OWNER_VARIABLE];
  if (!text) return undefined;
  const owner = /^[1-9]\d{0,9}$/.test(text) ? await identify(Number(text)) : undefined;
  if (owner === undefined) {
    throw new StackError('USAGE', {
      message: `${OWNER_VARIABLE} must be the number of a process that runs on this host, and is '${text}'`,
      hint: `export ${OWNER_VARIABLE}=$$   # this shell; or: unset ${OWNER_VARIABLE}`,
    });
  }
  return owner;
}

/**
 * Whether the process that `owner` means has certainly ended. `unseen`: that can't be told from here, and it may well be alive: a
 * process of another host, or of another container.
 *
 * @param isHere whether what the owner left is on this machine
 */
export async function fateOf(
  owner: string,
  { isHere }: { readonly isHere: boolean } = { isHere: true },
): Promise<'gone' | 'there' | 'unseen'> {
  const [machine, boot, namespace, pid, start] = parts(owner);
  const here = await surroundings();
  if (machine !== here.machine || pid === undefined) return 'unseen';
  // A copy of this machine has its names, and may use the same engine, where that is elsewhere.
  if (boot !== here.boot) return isHere && boot !== '' && here.boot !== '' ? 'gone' : 'unseen';
  if (namespace !== here.namespace) return 'unseen';
  if (!isThere(pid)) return 'gone';
  // A zombie has no start, and neither has a process that this user may not look into: that one counts as alive.
  const present = await findProcessStart(pid);
  const isOver = present === undefined ? ENDED.has((await statOf(pid))[0] ?? '') : present !== start;
  return isOver ? 'gone' : 'there';
}

/** This very process as an owner that holds on to what it has made: see `heldSince`. */
export async function holdingOwner(): Promise<string> {
  return `${(await identify(process.pid)) ?? ''}/${Date.now()}`;
}

/**
 * Since when, in milliseconds since 1970, an owner holds on to what it has made, by a command that runs in a container of it
 * for as long as the owner does: so it is known to live also where its process can't be seen. undefined where it doesn't.
 */
export function heldSince(owner: string): number | undefined {
  const [, since] = /^(?:[^/]*\/){5}(\d+)$/.exec(owner) ?? [];
  return since === undefined ? undefined : Number(since);
}

/**
 * When a process began, as a text that another process of the same number won't have; undefined where there is none, or
 * it has ended and only waits to be noticed. Where that can't be told (no /proc), all that run look the same.
 */
export async function findProcessStart(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return isThere(pid) ? '0' : undefined;
  const [state = '', ...others] = await statOf(pid);
  return ENDED.has(state) ? undefined : others[18];
}

/** It has ended, and its parent hasn't noticed yet. */
const ENDED = new Set(['Z', 'X']);

/** proc(5): the name, in parentheses, may hold anything; behind it are the state and, 19 fields on, the start in ticks. */
async function statOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function identify(pid: number): Promise<string | undefined> {
  const start = await findProcessStart(pid);
  if (start === undefined) return undefined;
  const { machine, boot, namespace } = await surroundings();
  return [machine, boot, namespace, pid, start].join('/');
}

function parts(owner: string): [machine: string, boot: string, namespace: string, pid?: number, start?: string] {
  const [, machine = '', boot = '', namespace = '', pid, start] =
    /^([0-9a-f]+)\/([0-9a-f-]*)\/(\d*)\/([1-9]\d{0,9})\/(\d+)(?:\/\d+)?$/.exec(owner) ?? [];
  return pid === undefined || start === undefined
    ? [machine, boot, namespace]
    : [machine, boot, namespace, Number(pid), start];
}

interface Surroundings {
  /** An engine may serve several hosts, and each has processes of its own. */
  readonly machine: string;
  /** Empty where the system tells none: a number that is used again then looks like the process that had it before. */
  readonly boot: string;
  /** In a container the same numbers mean other processes. */
  readonly namespace: string;
}

async function surroundings(): Promise<Surroundings> {
  const [machineId, boot, namespace] = await Promise.all([
    readFile('/etc/machine-id', 'utf8').catch(() => ''),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  const machine = createHash('sha256').update(`${hostname()} ${machineId.trim()}`).digest('hex').slice(0, 16);
  return { machine, boot: boot.trim(), namespace: /\d+/.exec(namespace)?.[0] ?? '' };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: somebody else's, and there.
    return systemErrorCode(error) !== 'ESRCH';
  }
}
