/** Ctrl-C and SIGTERM at moments that nobody chose: the program ends soon and says so, and the next `up` finds its way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { median } from '../helpers/figures.ts';
import { endText, startProgram, type Ended } from '../helpers/program.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOUR_MS = 3_600_000;
const KEYS = 4000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** Until then Node.js loads the program, and a signal ends it before it can hear of it. */
const LOADING_MS = 250;
/** What counts as a second signal comes later than this: see src/cli/interrupt.ts. */
const SECOND_SIGNAL_MS = 550;
const MOST_MS = 10_000;
const AT_ONCE_MS = 2000;

let stack: TestStack;
let client: Cluster | undefined;
beforeEach(async () => {
  stack = await makeStack();
});
afterEach(async () => {
  client?.disconnect();
  await stack.remove();
});

interface Story {
  readonly command: readonly string[];
  /** What the stack is before it; it is up and whole before this. */
  readonly prepare: () => Promise<unknown>;
}

const STORIES: Readonly<Record<string, Story>> = {
  'up with data': { command: ['up'], prepare: () => stack.must('down') },
  down: { command: ['down'], prepare: async () => undefined },
  restart: { command: ['restart'], prepare: async () => undefined },
  // From whom has the most, so that there is always something to move.
  reshard: { command: ['cluster', 'rebalance', '--threshold', '0'], prepare: async () => unbalance() },
};

async function unbalance(): Promise<void> {
  await stack.must('cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', '1500');
}

test.each(Object.keys(STORIES))('%s, stopped by a signal at any moment', { timeout: HOUR_MS }, async (name) => {
  const story = STORIES[name];
  if (story === undefined) throw new Error(`no story ${name}`);
  const all = rounds(40);
  await stack.must('up');
  client = await connectCluster(stack);
  await fill(client, KEYS);

  await story.prepare();
  const undisturbed = await startProgram(stack, story.command).ended;
  expect(undisturbed.exitCode, endText(undisturbed)).toBe(0);
  const latest = undisturbed.elapsedMs;

  const counts = { stopped: 0, doneBefore: 0, beforeItHeard: 0, endedBySecond: 0 };
  const reactions: number[] = [];
  for (let round = 0; round < all; round += 1) {
    await stack.must('up');
    await story.prepare();
    const signal = round % 2 === 0 ? 'SIGINT' : 'SIGTERM';
    const moment = LOADING_MS + Math.random() * (latest - LOADING_MS);
    const { ended, reactionMs, wasSecondNeeded } = await stopAt(moment, signal, story.command);
    const text = `round ${round}, ${signal} after ${Math.round(moment)} ms\n${endText(ended)}`;
    if (ended.signal === signal) counts.beforeItHeard += 1;
    else if (ended.exitCode === 0) counts.doneBefore += 1;
    else {
      expect(ended.exitCode, text).toBe(EXIT_CODES[signal]);
      counts.stopped += 1;
      counts.endedBySecond += wasSecondNeeded ? 1 : 0;
      reactions.push(reactionMs);
    }
    expect(reactionMs, text).toBeLessThan(MOST_MS);
    await stack.must('up');
    client.disconnect();
    client = await connectCluster(stack);
    expect(await findMissing(client, KEYS), text).toEqual([]);
  }
  expect((await stack.must('up')).stdout).toContain('nothing to do');
  record(`a signal during ${name}`, {
    rounds: all,
    ...counts,
    reactionMedianMs: Math.round(median(reactions)),
    slowestReactionMs: Math.round(Math.max(0, ...reactions)),
    keys: KEYS,
    lostKeys: 0,
  });
});

interface Stopped {
  readonly ended: Ended;
  /** From the first signal to the end. */
  readonly reactionMs: number;
  readonly wasSecondNeeded: boolean;
}

/** Whoever has not ended after a while gets the signal again, as an impatient person gives it. */
async function stopAt(momentMs: number, signal: 'SIGINT' | 'SIGTERM', command: readonly string[]): Promise<Stopped> {
  const program = startProgram(stack, command);
  await sleep(momentMs);
  const at = performance.now();
  program.child.kill(signal);
  const first = await Promise.race([program.ended, sleep(SECOND_SIGNAL_MS, undefined)]);
  if (first !== undefined) return { ended: first, reactionMs: performance.now() - at, wasSecondNeeded: false };
  const again = performance.now();
  program.child.kill(signal);
  const ended = await program.ended;
  expect(performance.now() - again, endText(ended)).toBeLessThan(AT_ONCE_MS);
  return { ended, reactionMs: performance.now() - at, wasSecondNeeded: true };
}
