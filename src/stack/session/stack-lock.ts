import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { findProcessStart } from '../../host/process-start.ts';
import { replaceFile } from '../../kept-files.ts';
import { pause } from '../../pause.ts';
import type { Session } from './session.ts';
import { stateFolder } from './state-folder.ts';

/** Of the YAML file no more than the name: `down` does without one. */
type Place = Pick<Session, 'env' | 'report' | 'signal' | 'timeoutMs'> & {
  readonly spec: Pick<Session['spec'], 'name'>;
};

/** Whoever waits looks again after this, and a bit more or less, so that no two go on meeting each other. */
const POLLING_MS = 100;

/** One process may want it more than once, for one stack or for several. */
let count = 0;

export interface StackLock {
  /** Somebody else had it until now: what was read before may be out of date. */
  readonly hasWaited: boolean;
  readonly release: () => Promise<void>;
}

/**
 * Waits until no other process of this host changes the stack, and keeps others waiting until the lock is released. A
 * process that has died keeps nobody: whether a holder is still there is asked each time, of the system.
 *
 * Each process writes a file of its own, and then looks for others; of two at the same moment at least one sees the other.
 * So nothing is ever taken from anybody, and what the dead have left may be deleted by all.
 *
 * @param doing the command, for who waits
 * @throws StackError LOCKED when the wait takes longer than the session's bound
 */
export async function lockStack(place: Place, doing: string): Promise<StackLock> {
  const { spec, report, signal, timeoutMs } = place;
  const folder = lockFolder(place);
  count += 1;
  const number = count;
  const own = `${process.pid}-${(await findProcessStart(process.pid)) ?? ''}-${number}`;
  // Where it can't be taken back, it goes with this process.
  const release = (): Promise<void> => rm(join(folder, own), { force: true }).catch(() => undefined);
  const until = Date.now() + timeoutMs;
  let hasWaited = false;
  for (;;) {
    const before = await findHolder(folder, own);
    if (before === undefined) {
      if (!(await announce(join(folder, own), doing, place))) return { hasWaited, release };
      const other = await findHolder(folder, own);
      if (other === undefined) {
        if (hasWaited) report({ subject: 'lock', state: 'done', text: 'nobody else changes it now' });
        return { hasWaited, release };
      }
      await release();
      hasWaited = true;
    } else if (Date.now() > until) {
      throw new StackError('LOCKED', {
        message: `${spec.name} is being changed by ${before.text}, for longer than ${timeoutMs / 1000} s`,
        hint: `Wait for it, or end it: kill ${before.pid}`,
      });
    } else {
      hasWaited = true;
      report({ subject: 'lock', state: 'running', text: `waits for ${before.text}, which changes ${spec.name}` });
    }
    await pause(POLLING_MS * (0.5 + Math.random()), signal);
  }
}

/** Who changes the stack in this moment. Only looks: what the dead have left stays where it is. */
export async function findStackLock(place: Pick<Place, 'spec' | 'env'>): Promise<Holder | undefined> {
  const folder = lockFolder(place);
  for (const name of await readdir(folder).catch(() => [])) {
    const holder = await readHolder(folder, name);
    if (holder !== undefined && holder !== 'dead') return holder;
  }
  return undefined;
}

function lockFolder({ spec, env }: Pick<Place, 'spec' | 'env'>): string {
  return join(stateFolder(spec.name, env), 'locks');
}

export interface Holder {
  readonly pid: number;
  /** `up (process 4711)` */
  readonly text: string;
}

/** Another that is still there. */
async function findHolder(folder: string, own: string): Promise<Holder | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one !== own)) {
    const holder = await readHolder(folder, name);
    if (holder === 'dead') await rm(join(folder, name), { force: true }).catch(() => undefined);
    else if (holder !== undefined) return holder;
  }
  return undefined;
}

/** undefined for drafts, which another is just writing. */
async function readHolder(folder: string, name: string): Promise<Holder | 'dead' | undefined> {
  const [, pid = '', start = ''] = /^(\d+)-(\d*)-\d+$/.exec(name) ?? [];
  if (pid === '') return undefined;
  if ((await findProcessStart(Number(pid))) !== start) return 'dead';
  const doing = await readFile(join(folder, name), 'utf8').catch(() => '');
  return doing === '' ? undefined : { pid: Number(pid), text: `${doing} (process ${pid})` };
}

/** @returns whether it could: a folder that can't be written keeps nobody from `down` */
async function announce(file: string, doing: string, { report }: Place): Promise<boolean> {
  try {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
    await replaceFile(file, doing, 0o600);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    report({ subject: 'lock', state: 'failed', text: `others are not kept from changing it: ${errorMessage(error)}` });
    return false;
  }
}
