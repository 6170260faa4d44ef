/** Ctrl-C and SIGTERM at moments that nobody chose: the program ends soon and says so, and the next `up` finds its way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { median } from '../helpers/figures.ts';
import { endText, requireSuccess, startProgram, type Ended } from '../helpers/program.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOUR_MS = 3_600_000;
const KEYS = 4000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** Until then Node.js loads the program, and a signal ends it before it can hear of it. */
const LOADING_MS = 250;
/** What counts as a second signal comes later than this: see src/cli/core/interrupt.ts. */
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
  // What the round before had not come to.
  await stack.must('cluster', 'rebalance', '--threshold', '0');
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
  const { elapsedMs: latest } = requireSuccess(await startProgram(stack, story.command).ended);

  const counts = { stopped: 0, doneBefore: 0, beforeItHeard: 0, other: 0 };
  let endedBySecond = 0;
  const reactions: number[] = [];
  for (let round = 0; round < all; round += 1) {
    await stack.must('up');
    await story.prepare();
    const signal = round % 2 === 0 ? 'SIGINT' : 'SIGTERM';
    const moment = LOADING_MS + Math.random() * (latest - LOADING_MS);
    const { ended, reactionMs, wasSecondNeeded } = await stopAt(moment, signal, story.command);
    const text = `round ${round}, ${signal} after ${Math.round(moment)} ms\n${endText(ended)}`;
    const kind = kindOf(ended, signal);
    if (kind === 'other') throw new Error(text);
    expect(reactionMs).toBeLessThan(MOST_MS);
    counts[kind] += 1;
    if (kind === 'stopped') reactions.push(reactionMs);
    if (wasSecondNeeded) endedBySecond += 1;
    await stack.must('up');
    client.disconnect();
    client = await connectCluster(stack);
    expect({ text, missing: await findMissing(client, KEYS) }).toEqual({ text, missing: [] });
  }
  expect((await stack.must('up')).stdout).toContain('nothing to do');
  record(`a signal during ${name}`, {
    rounds: all,
    stopped: counts.stopped,
    doneBefore: counts.doneBefore,
    beforeItHeard: counts.beforeItHeard,
    endedBySecond,
    reactionMedianMs: Math.round(median(reactions)),
    slowestReactionMs: Math.round(Math.max(0, ...reactions)),
    keys: KEYS,
    lostKeys: 0,
  });
});

/** Before it has set up its handler, the signal ends it as it ends any process. */
function kindOf(
  { exitCode, signal }: Ended,
  sent: 'SIGINT' | 'SIGTERM',
): 'stopped' | 'doneBefore' | 'beforeItHeard' | 'other' {
  if (signal === sent) return 'beforeItHeard';
  if (exitCode === 0) return 'doneBefore';
  return exitCode === EXIT_CODES[sent] ? 'stopped' : 'other';
}

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
  expect(performance.now() - again).toBeLessThan(AT_ONCE_MS);
  return { ended, reactionMs: performance.now() - at, wasSecondNeeded: true };
}
