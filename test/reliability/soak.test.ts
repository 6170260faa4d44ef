/** A stack that goes up and down all day: nothing piles up, nothing is lost, nothing gets slower. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { connectCluster } from '../helpers/cluster-client.ts';
import { median, slope } from '../helpers/figures.ts';
import { findAllOf } from '../helpers/leftovers.ts';
import { requireSuccess, startProgram } from '../helpers/program.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOUR_MS = 3_600_000;
const KEYS_A_CYCLE = 100;
/** Libraries are loaded and code is compiled until then. */
const WARM_CYCLE = 20;
const KILLED_EVERY = 4;
const COMMANDS = ['up', 'restart', 'down'] as const;
/** Of the heap, from the first warm cycle to the last. */
const MOST_GROWTH_BYTES = 6_000_000;

let stack: TestStack;
afterEach(() => stack.remove());

test('cycles of up, write, restart and down, with a kill among them', { timeout: 2 * HOUR_MS }, async () => {
  const all = rounds(200);
  stack = await makeStack();
  await stack.must('up');
  await stack.must('down');
  const whenDown = await findAllOf(stack);
  const [times, heaps, descriptors]: [number[], number[], number[]] = [[], [], []];
  let [kills, lostKeys] = [0, 0];
  for (let cycle = 0; cycle < all; cycle += 1) {
    const at = performance.now();
    // Each command in turn is killed somewhere, and then run to its end.
    const killed =
      cycle % KILLED_EVERY === KILLED_EVERY - 1 ? COMMANDS[Math.floor(cycle / KILLED_EVERY) % 3] : undefined;
    for (const command of COMMANDS) {
      if (command === killed) kills += await killSomewhere(command);
      // Restart works with what is there; up brings back what a killed command took away.
      if (command === killed && command === 'restart') await stack.must('up');
      await stack.must(command);
      if (command === 'up') await write(cycle);
      if (command === 'restart') lostKeys += await countMissing(cycle, cycle + 1);
    }
    expect(lostKeys).toBe(0);
    // Those with a kill begin a process more.
    if (killed === undefined) times.push(performance.now() - at);
    expect(await findAllOf(stack)).toEqual(whenDown);
    heaps.push(heapAfterCollection());
    descriptors.push(readdirSync('/proc/self/fd').length);
  }
  await stack.must('up');
  lostKeys += await countMissing(0, all);
  const warm = heaps.slice(Math.min(WARM_CYCLE, Math.floor(all / 2)));
  const [first = 0, last = 0] = [warm.at(0), warm.at(-1)];
  const share = Math.min(50, Math.floor(times.length / 2));
  record('soak', {
    cycles: all,
    killedCommands: kills,
    keysWritten: all * KEYS_A_CYCLE,
    lostKeys,
    leftBehind: 0,
    heapWarmBytes: first,
    heapEndBytes: last,
    heapGrowthBytesPerCycle: Math.round(slope(warm)),
    descriptorsWarm: descriptors.at(-warm.length) ?? 0,
    descriptorsEnd: descriptors.at(-1) ?? 0,
    cycleMedianOfFirstMs: Math.round(median(times.slice(0, share))),
    cycleMedianOfLastMs: Math.round(median(times.slice(-share))),
    cyclesInEachMedian: share,
  });
  expect(lostKeys).toBe(0);
  expect(last - first).toBeLessThan(MOST_GROWTH_BYTES);
  await stack.must('down', '--volumes', '--yes');
  const left = (await findAllOf(stack)).filter((one) => !one.startsWith('file '));
  expect(left).toEqual([]);
});

/** @returns 1 where the program was killed before it had ended */
async function killSomewhere(command: string): Promise<number> {
  const program = startProgram(stack, [command]);
  await sleep(300 + Math.random() * 2000);
  program.child.kill('SIGKILL');
  const ended = await program.ended;
  if (ended.signal === 'SIGKILL') return 1;
  requireSuccess(ended);
  return 0;
}

const keyOf = (cycle: number, index: number): string => `soak:${cycle}:${index}`;

async function write(cycle: number): Promise<void> {
  const client = await connectCluster(stack);
  try {
    const writes = Array.from({ length: KEYS_A_CYCLE }, (_, index) => client.set(keyOf(cycle, index), String(index)));
    await Promise.all(writes);
  } finally {
    client.disconnect();
  }
}

/** Of the keys of those cycles. */
async function countMissing(from: number, to: number): Promise<number> {
  const client = await connectCluster(stack);
  try {
    let missing = 0;
    for (let cycle = from; cycle < to; cycle += 1) {
      const values = await Promise.all(
        Array.from({ length: KEYS_A_CYCLE }, (_, index) => client.get(keyOf(cycle, index))),
      );
      missing += values.filter((value, index) => value !== String(index)).length;
    }
    return missing;
  } finally {
    client.disconnect();
  }
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
