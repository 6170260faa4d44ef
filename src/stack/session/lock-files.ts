import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../../errors.ts';
import { findProcessStart } from '../../host/owner.ts';
import { explainRefusal, replaceFile } from '../../kept-files.ts';
import { stateFolder } from '../../user-folders.ts';
import type { Holder, LockMedium } from './stack-lock.ts';

/** By chance, so that no two go on meeting each other. */
const PACE = { min: 75, max: 150, randomize: true };

/** One process may want it more than once, for one stack or for several. */
let count = 0;

/** A lock among the processes of this user: whether a holder is still there is asked each time, of the system. */
export async function lockFiles(stack: string, env: NodeJS.ProcessEnv): Promise<LockMedium> {
  const folder = join(stateFolder(stack, env), 'locks');
  count += 1;
  const number = count;
  const own = `${process.pid}-${(await findProcessStart(process.pid)) ?? ''}-${number}`;
  const file = join(folder, own);
  return {
    pace: PACE,
    findOther: (isSweeping = true) => findHolder(folder, own, isSweeping),
    announce: async (doing) => {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await replaceFile(file, doing, 0o600);
        return undefined;
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        return explainRefusal(file, error);
      }
    },
    // Where it can't be taken back, it goes with this process.
    withdraw: () => rm(file, { force: true }).catch(() => undefined),
  };
}

/** Another that is still there. */
async function findHolder(folder: string, own: string, isSweeping: boolean): Promise<Holder | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one !== own)) {
    const holder = await readHolder(folder, name);
    if (holder !== undefined && holder !== 'dead') return holder;
    if (holder === 'dead' && isSweeping) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
  return undefined;
}

/** undefined for drafts, which another is just writing. */
async function readHolder(folder: string, name: string): Promise<Holder | 'dead' | undefined> {
  const [, pid = '', start = ''] = /^(\d+)-(\d*)-\d+$/.exec(name) ?? [];
  if (pid === '') return undefined;
  if ((await findProcessStart(Number(pid))) !== start) return 'dead';
  const doing = await readFile(join(folder, name), 'utf8').catch(() => '');
  return doing === '' ? undefined : { text: `${doing} (process ${pid})`, hint: `Wait for it, or end it: kill ${pid}` };
}
