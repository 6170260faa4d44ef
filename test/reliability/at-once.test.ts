/** Many rounds of several commands on one stack at the same time, each a process of its own. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { median } from '../helpers/figures.ts';
import { findAllOf } from '../helpers/leftovers.ts';
import { requireSuccess, startProgram, type Ended } from '../helpers/program.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOUR_MS = 3_600_000;
const LONGEST_OFFSET_MS = 1500;

let stack: TestStack;
beforeEach(async () => {
  stack = await makeStack();
});
afterEach(() => stack.remove());

/** As somebody else would who types it at about the same moment. */
async function typed(...args: readonly string[]): Promise<Ended> {
  await sleep(Math.random() * LONGEST_OFFSET_MS);
  return startProgram(stack, args).ended;
}

/** 0, or with a code of its own where another took too long. */
function requireEnd(ended: Ended): void {
  if (ended.exitCode !== 1 || !ended.stderr.includes('[LOCKED]')) requireSuccess(ended);
}

async function expectOneCluster(): Promise<void> {
  const all = await findAllOf(stack);
  const count = (kind: string): number => all.filter((one) => one.startsWith(`${kind} `)).length;
  expect([count('container'), count('network'), count('volume')]).toEqual([3, 1, 3]);
  expect(all.filter((one) => one.includes('/locks/'))).toEqual([]);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384');
}

test('two and five ups at once make one cluster', { timeout: HOUR_MS }, async () => {
  const all = rounds(50);
  const waits: number[] = [];
  let [locked, processes, waited] = [0, 0, 0];
  expect(await findAllOf(stack)).toEqual(['file /stack.yaml']);
  for (let round = 0; round < all; round += 1) {
    const ups = await Promise.all(Array.from({ length: round % 2 === 0 ? 2 : 5 }, () => typed('up')));
    ups.forEach(requireEnd);
    await expectOneCluster();
    processes += ups.length;
    locked += ups.filter(({ exitCode }) => exitCode !== 0).length;
    waited += ups.filter(({ stderr }) => stderr.includes('nobody else changes it now')).length;
    waits.push(Math.max(...ups.map(({ elapsedMs }) => elapsedMs)));
    await stack.must('down', '--volumes', '--yes');
  }
  record('two and five ups at once', {
    rounds: all,
    processes,
    endedWith0: processes - locked,
    endedLocked: locked,
    waitedForAnother: waited,
    slowestProcessMedianMs: Math.round(median(waits)),
    slowestProcessMs: Math.round(Math.max(...waits)),
  });
});

test('the lock of a process that was killed is no obstacle', { timeout: HOUR_MS }, async () => {
  const all = rounds(25);
  const locks = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'locks');
  const held = (): string[] => {
    try {
      return readdirSync(locks);
    } catch {
      return [];
    }
  };
  let left = 0;
  const times: number[] = [];
  for (let round = 0; round < all; round += 1) {
    const doomed = startProgram(stack, ['up']);
    await expect.poll(held, { timeout: 60_000, interval: 5 }).not.toEqual([]);
    await sleep(Math.random() * 700);
    doomed.child.kill('SIGKILL');
    const { signal } = await doomed.ended;
    if (signal === 'SIGKILL' && held().length > 0) left += 1;
    const next = requireSuccess(await startProgram(stack, ['up']).ended);
    expect(next.stderr).not.toContain('nobody else changes it now');
    times.push(next.elapsedMs);
    await expectOneCluster();
    await stack.must('down', '--volumes', '--yes');
  }
  // Else nothing was tried.
  expect(left).toBeGreaterThan(0);
  record('lock of a killed process', { rounds: all, locksLeft: left, nextUpMedianMs: Math.round(median(times)) });
});

test('up and down at once end in one of the two states', { timeout: HOUR_MS }, async () => {
  const all = rounds(25);
  await stack.must('up');
  expect(await stack.redis(1, 'SET', 'user:1000', 'value')).toBe('OK');
  let [endedUp, locked] = [0, 0];
  for (let round = 0; round < all; round += 1) {
    // From down and from up in turns.
    await stack.must(round % 2 === 0 ? 'up' : 'down');
    const both = await Promise.all([typed('up'), typed('down')]);
    both.forEach(requireEnd);
    locked += both.filter(({ exitCode }) => exitCode !== 0).length;
    const kinds = (await findAllOf(stack)).map((one) => one.split(' ')[0] ?? '');
    const counts = ['container', 'network', 'volume'].map((kind) => kinds.filter((one) => one === kind).length);
    expect([
      [3, 1, 3],
      [0, 0, 3],
    ]).toContainEqual(counts);
    const isUp = counts[0] === 3;
    expect((await stack.must('up')).stdout.includes('nothing to do')).toBe(isUp);
    endedUp += isUp ? 1 : 0;
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('value');
  }
  record('up and down at once', { rounds: all, endedUp, endedDown: all - endedUp, endedLocked: locked });
});
