import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProcessStart } from '../../../../src/host/owner.ts';
import { lockFiles } from '../../../../src/stack/session/lock-files.ts';
import { lockStack, type StackLock } from '../../../../src/stack/session/stack-lock.ts';
import type { Session } from '../../../../src/stack/session/session.ts';
import { failureOf, specOf } from '../../../helpers/builders.ts';
import { useTempFolders } from '../../../helpers/temp-folder.ts';

const temporaryFolder = useTempFolders();
const { signal } = new AbortController();

interface Place extends Pick<Session, 'spec' | 'report' | 'signal' | 'timeoutMs'> {
  readonly said: string[];
  readonly env: NodeJS.ProcessEnv;
}

function place(folder: string, timeoutMs = 30_000): Place {
  const said: string[] = [];
  const report = ({ text }: { text: string }): void => void said.push(text);
  return { spec: specOf(), env: { XDG_STATE_HOME: folder }, report, signal, timeoutMs, said };
}

async function take(at: Place, doing: string): Promise<StackLock> {
  return lockStack(at, doing, await lockFiles(at.spec.name, at.env));
}

const lockFolder = (folder: string): string => join(folder, 'redis-cluster-as-code/dev/locks');

test('one at a time has it, and each of ten who want it at once gets it', async () => {
  const folder = await temporaryFolder();
  let holding = 0;
  const turns = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const { release } = await take(place(folder), 'up');
      holding += 1;
      const together = holding;
      await new Promise((resolve) => setImmediate(resolve));
      holding -= 1;
      await release();
      return together;
    }),
  );
  expect(turns).toEqual(Array.from({ length: 10 }, () => 1));
  expect(readdirSync(lockFolder(folder))).toEqual([]);
});

test('who waits is told for whom, and that what was read before may be old', async () => {
  const folder = await temporaryFolder();
  const { hasWaited, release } = await take(place(folder), 'cluster reshard');
  expect(hasWaited).toBe(false);
  const waiting = place(folder);
  const second: Promise<StackLock> = take(waiting, 'up');
  await expect
    .poll(() => waiting.said, { timeout: 30_000 })
    .toContain(`waits for cluster reshard (process ${process.pid}), which changes dev`);
  await release();
  expect((await second).hasWaited).toBe(true);
});

test('a wait has an end, which names the process and the command that ends it', async () => {
  const folder = await temporaryFolder();
  await take(place(folder), 'cluster import');
  const failure = await failureOf(() => take(place(folder, 200), 'down'));
  expect(failure).toMatchObject({ code: 'LOCKED', hint: `Wait for it, or end it: kill ${process.pid}` });
  expect(failure.message).toContain(`dev is being changed by cluster import (process ${process.pid})`);
});

test('a process that died keeps nobody, not even where another has its number now', async () => {
  const folder = await temporaryFolder();
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
  const start = await findProcessStart(child.pid ?? 0);
  expect(start).toBeDefined();
  mkdirSync(lockFolder(folder), { recursive: true });
  const file = join(lockFolder(folder), `${child.pid}-${start}-1`);
  writeFileSync(file, 'up');
  expect(await failureOf(() => take(place(folder, 100), 'up'))).toMatchObject({ code: 'LOCKED' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  // This very process, as it would be if it had the number of one that has died.
  writeFileSync(join(lockFolder(folder), `${process.pid}-12-1`), 'up');
  const { release } = await take(place(folder), 'up');
  await release();
  expect(readdirSync(lockFolder(folder))).toEqual([]);
});

test('a folder that can not be written keeps nobody from working, and it is said', async () => {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, 'redis-cluster-as-code'), 'no folder');
  const here = place(folder);
  const { release } = await take(here, 'down');
  await release();
  expect(here.said.join()).toContain('others are not kept from changing it');
});

test('the end of the program ends the wait', async () => {
  const folder = await temporaryFolder();
  await take(place(folder), 'up');
  const controller = new AbortController();
  const waiting = take({ ...place(folder), signal: controller.signal }, 'up');
  controller.abort(new Error('stopped half-way'));
  await expect(waiting).rejects.toThrow('stopped half-way');
});
