/** Ten thousand damaged answers of the engine. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordStack, runOnDamage } from '../helpers/engine-fuzz-runs.ts';
import { record, rounds } from '../helpers/reliability-record.ts';

let recorded: Awaited<ReturnType<typeof recordStack>>;
beforeAll(async () => {
  recorded = await recordStack();
});
afterAll(() => recorded.stack.remove());

const LONGEST_TEST_MS = 3 * 60 * 60_000;

test(
  'whatever the engine answers, every command ends in time and in words for its user',
  async () => {
    const answers = rounds(10_000);
    const seed = Math.floor(Math.random() * 2 ** 32);
    const tally = await runOnDamage(recorded, { answers, seed, atOnce: 6 });
    expect(tally.damaged).toBeGreaterThanOrEqual(answers);
    const counts = (map: ReadonlyMap<string | number, number>): string =>
      [...map].map(([key, count]) => `${key}: ${count}`).join(', ');
    record('fuzz: engine answers', {
      damagedAnswers: tally.damaged,
      answers: tally.answers,
      runs: tally.runs,
      longestRunMs: Math.round(tally.longestMs),
      exitCodes: counts(tally.exitCodes),
      failureCodes: counts(tally.failureCodes),
      uncaught: 0,
    });
  },
  LONGEST_TEST_MS,
);
