import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError, systemErrorCode } from '../../errors.ts';
import { findProcessStart } from '../../host/owner.ts';
import { explainRefusal, replaceFile } from '../../kept-files.ts';
import { poll } from '../../poll.ts';
import type { Session } from './session.ts';
import { stateFolder } from '../../user-folders.ts';
import { durationText } from '../../units.ts';

/** Of the YAML file no more than the name: `down` does without one. */
type Place = Pick<Session, 'env' | 'report' | 'signal' | 'timeoutMs'> & {
  readonly spec: Pick<Session['spec'], 'name'>;
};

/** By chance, so that no two go on meeting each other. */
const PACE = { min: 75, max: 150, randomize: true };

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
  let hasWaited = false;
  const findOther = async (): Promise<Holder | undefined> => {
    let other = await findHolder(folder, own);
    if (other !== undefined) {
      report({ subject: 'lock', state: 'running', text: `waits for ${other.text}, which changes ${spec.name}` });
    } else if (await announce(join(folder, own), doing, place)) {
      other = await findHolder(folder, own);
      if (other !== undefined) await release();
    }
    hasWaited ||= other !== undefined;
    return other;
  };
  const onTimeout = (other: Holder | undefined): StackError =>
    new StackError('LOCKED', {
      message: `${spec.name} is being changed by ${other?.text ?? ''}, for longer than ${durationText(timeoutMs)}`,
      hint: `Wait for it, or end it: kill ${other?.pid ?? ''}`,
    });
  try {
    await poll(findOther, (other) => other === undefined, { signal, timeoutMs, pace: PACE, onTimeout });
  } catch (error) {
    await release();
    throw error;
  }
  if (hasWaited) report({ subject: 'lock', state: 'done', text: 'nobody else changes it now' });
  return { hasWaited, release };
}

/** Who changes the stack in this moment. Only looks: what the dead have left stays where it is. */
export function findStackLock(place: Pick<Place, 'spec' | 'env'>): Promise<Holder | undefined> {
  return findHolder(lockFolder(place));
}

function lockFolder({ spec, env }: Pick<Place, 'spec' | 'env'>): string {
  return join(stateFolder(spec.name, env), 'locks');
}

interface Holder {
  readonly pid: number;
  /** `up (process 4711)` */
  readonly text: string;
}

/**
 * Another that is still there.
 *
 * @param own the file of who wants the lock, and deletes what the dead have left
 */
async function findHolder(folder: string, own?: string): Promise<Holder | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one !== own)) {
    const holder = await readHolder(folder, name);
    if (holder !== undefined && holder !== 'dead') return holder;
    if (holder === 'dead' && own !== undefined) await rm(join(folder, name), { force: true }).catch(() => undefined);
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
    const { why, hint } = await explainRefusal(file, error);
    report({ subject: 'lock', state: 'failed', text: `others are not kept from changing it: ${why}`, hint });
    return false;
  }
}
