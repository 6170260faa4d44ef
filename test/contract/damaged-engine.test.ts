/** An engine that answers nonsense: every command ends, and says so in words for its user. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordStack, runOnDamage } from '../helpers/engine-fuzz-runs.ts';

let recorded: Awaited<ReturnType<typeof recordStack>>;
beforeAll(async () => {
  recorded = await recordStack();
});
afterAll(() => recorded.stack.remove());

test('60 damaged answers: no bug, no hang, nothing uncaught', async () => {
  const tally = await runOnDamage(recorded, { answers: 60, seed: Math.random() * 2 ** 32, atOnce: 6 });
  expect(tally.damaged).toBeGreaterThanOrEqual(60);
  expect(tally.exitCodes.get(1) ?? 0).toBeGreaterThan(0);
});
