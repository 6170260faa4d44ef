/** The lock between operators of different machines, on a real engine. Each has an identity of its own, as other machines have. */
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { findOwner, OWNER_VARIABLE } from '../../src/host/owner.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import { lockMarks } from '../../src/stack/session/lock-marks.ts';
import { lockStack, type StackLock } from '../../src/stack/session/stack-lock.ts';
import { failureOf } from '../helpers/builders.ts';
import { testEngine } from '../helpers/test-stack.ts';

let engine: Engine;
let name = '';
let locks: StackLock[] = [];

beforeEach(async () => {
  engine = await testEngine();
  name = `t-${randomBytes(4).toString('hex')}`;
  locks = [];
});
afterEach(async () => {
  await Promise.all(locks.map(({ release }) => release()));
  for (const mark of await engine.listMarks(name)) await engine.removeMark(mark.name);
});

const { signal } = new AbortController();
/** A busy machine may be silent for longer than it should. */
const SHORT = { beatMs: 100, patienceMs: 10_000 };
const SOON = { timeout: 60_000 };
const IMPATIENT = { ...SHORT, patienceMs: 1000 };

interface Attempt {
  readonly said: string[];
  readonly losses: Error[];
  readonly lock: Promise<StackLock>;
}

function attempt(doing: string, { rhythm = SHORT, timeoutMs = 60_000, on = engine } = {}): Attempt {
  const [said, losses]: [string[], Error[]] = [[], []];
  const report = ({ text }: { text: string }): void => void said.push(text);
  const lock = (async () => {
    const medium = await lockMarks(on, name, rhythm);
    const place = { spec: { name }, report, signal, timeoutMs };
    const taken = await lockStack(place, doing, medium, (reason) => void losses.push(reason));
    locks.push(taken);
    return taken;
  })();
  return { said, losses, lock };
}

const marks = async (): Promise<string[]> => (await engine.listMarks(name)).map((mark) => mark.name);
const volumes = async (): Promise<string[]> => (await engine.listVolumes()).map((volume) => volume.name);

test('one at a time has it, each of five who want it at once gets it, and nothing is left', async () => {
  let holding = 0;
  const turns = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { release } = await attempt('up').lock;
      holding += 1;
      const together = holding;
      expect(await marks()).not.toEqual([]);
      holding -= 1;
      await release();
      return together;
    }),
  );
  expect(turns).toEqual([1, 1, 1, 1, 1]);
  expect(await marks()).toEqual([]);
});

test('who waits is told for whom; one that goes on for long keeps it; a mark is no volume of a stack', async () => {
  const { release } = await attempt('cluster reshard').lock;
  const [first] = await marks();
  const waiting = attempt('up');
  await expect
    .poll(() => waiting.said.join(), SOON)
    .toMatch(/waits for cluster reshard of \S+@\S+ \(since [\d:]{8} UTC\), which/);
  // It shows that it is there, for longer than one that doesn't would be waited for.
  const seen = new Set<string>();
  const begun = performance.now();
  await expect
    .poll(async () => (await marks()).forEach((mark) => seen.add(mark)) ?? seen.size, SOON)
    .toBeGreaterThan(40);
  await expect.poll(() => performance.now() - begun, SOON).toBeGreaterThan(SHORT.patienceMs);
  expect(await Promise.race([waiting.lock, Promise.resolve('still waiting')])).toBe('still waiting');
  expect(await volumes()).not.toContain(first);
  await release();
  expect((await waiting.lock).hasWaited).toBe(true);
  const failure = await failureOf(() => attempt('down', { timeoutMs: 300 }).lock);
  expect(failure).toMatchObject({ code: 'LOCKED', hint: expect.stringContaining('loses it within') });
  expect(failure.message).toContain(`${name} is being changed by up of `);
});

test('a process of this machine that was killed is not waited for', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
  const labels = await labelsOf(String(child.pid ?? ''));
  await engine.putMark({ name: `${name}_lock-00-1`, labels });
  const waiting = attempt('up', { rhythm: { beatMs: 100, patienceMs: 600_000 } });
  await expect.poll(() => waiting.said.join(), SOON).toContain('waits for up of bob@desk');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await waiting.lock).hasWaited).toBe(true);
  expect(await marks()).not.toContain(`${name}_lock-00-1`);
});

test('one of another machine that shows nothing any more loses it, and hears of it before its next change', async () => {
  // Its machine sleeps: no beat, and its process can't be seen from elsewhere.
  const asleep = elsewhere(engine);
  const sleeper = attempt('cluster import', { rhythm: { ...SHORT, beatMs: 600_000 }, on: asleep });
  const { confirm } = await sleeper.lock;
  await confirm();
  const other = attempt('up', { rhythm: IMPATIENT });
  expect((await other.lock).hasWaited).toBe(true);
  expect(other.said.join()).toContain('waits for cluster import of ');

  // Its clock has gone on when it wakes up.
  const now = Date.now;
  Date.now = () => now() + 3_600_000;
  const failure = await failureOf(confirm).finally(() => {
    Date.now = now;
  });
  expect(failure).toMatchObject({ code: 'LOCKED', hint: expect.stringContaining('Run the same command again') });
  expect(failure.message).toMatch(/is being changed by up of .*stopped half-way/);
  expect(sleeper.losses).toEqual([failure]);
  expect(await failureOf(confirm)).toBe(failure);
  await (await sleeper.lock).release();
  // It puts its next mark beside the last one.
  const holders = new Set((await engine.listMarks(name)).map(({ labels }) => labels[LABELS.holder]));
  expect([...holders]).toEqual([expect.stringContaining('up of ')]);
});

test('marks that somebody has cleaned up are no loss, as long as nobody else has it', async () => {
  const holder = attempt('up');
  const { confirm } = await holder.lock;
  for (const mark of await marks()) await engine.removeMark(mark);
  await expect.poll(marks, SOON).toHaveLength(1);
  await confirm();
  expect(holder.losses).toEqual([]);
});

async function labelsOf(pid: string): Promise<Record<string, string>> {
  const process = (await findOwner({ [OWNER_VARIABLE]: pid })) ?? '';
  return { [LABELS.lock]: name, [LABELS.holder]: 'up of bob@desk', [LABELS.process]: process, [LABELS.since]: '' };
}

/** The same engine for somebody whose processes are another machine's. */
function elsewhere(here: Engine): Engine {
  const putMark: Engine['putMark'] = (mark) =>
    here.putMark({ ...mark, labels: { ...mark.labels, [LABELS.process]: 'ab/cd/1/1/1' } });
  return { ...here, putMark };
}
