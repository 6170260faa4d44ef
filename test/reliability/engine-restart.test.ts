/** The engine is stopped or killed, and started again, at moments of `up`, `down` and `restart` that nobody chose. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { median } from '../helpers/figures.ts';
import { startOwnEngine, whyNoOwnEngine, type OwnEngine } from '../helpers/own-engine.ts';
import { endText, type Ended } from '../helpers/program.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const HOUR_MS = 3_600_000;
/** Until then Node.js loads the program, and the engine has not been asked anything: who is restarted then is not met. */
const LOADING_MS = 400;
const LONGEST_ABSENCE_MS = 2000;

const whyNot = whyNoOwnEngine();

describe.skipIf(whyNot !== undefined)(
  `an engine that is restarted${whyNot === undefined ? '' : ` (${whyNot})`}`,
  () => {
    let engine: OwnEngine;
    let stack: TestStack;
    beforeAll(async () => {
      engine = await startOwnEngine();
      stack = await makeStack();
    });
    afterAll(async () => {
      await stack.remove();
      await engine.remove();
    });

    const get = async (key: string): Promise<string> =>
      (await engine.must(stack, 'redis-cli', 'redis-1', '--', 'GET', key)).stdout.trim();

    /** @returns how the command ended, and how long it was without an engine */
    async function disturbed(
      signal: 'SIGTERM' | 'SIGKILL',
      latestMs: number,
      command: readonly string[],
    ): Promise<Ended & { readonly said: string; readonly absenceMs: number }> {
      const program = engine.program(stack, ...command);
      const momentMs = LOADING_MS + Math.random() * Math.max(0, latestMs - LOADING_MS);
      await sleep(momentMs);
      const at = performance.now();
      await engine.stop(signal);
      await sleep(Math.random() * LONGEST_ABSENCE_MS);
      await engine.start();
      const absenceMs = performance.now() - at;
      const ended = await program.ended;
      return { ...ended, said: `${signal} after ${Math.round(momentMs)} ms: ${endText(ended)}`, absenceMs };
    }

    /** The first call found nobody: nothing had answered before, so nothing is waited for. */
    const isMetAtStart = ({ exitCode, stderr }: Ended): boolean =>
      exitCode === 1 && stderr.includes('[ENGINE_UNREACHABLE]') && !stderr.includes('does not answer any more');

    test.each([
      ['up from nothing', ['up'], ['down', '--volumes', '--yes']],
      ['up with data', ['up'], ['down']],
      ['down', ['down'], []],
    ] as const)('%s goes on when it is back', { timeout: HOUR_MS }, async (name, command, preparation) => {
      const all = rounds(30);
      const prepare = async (): Promise<void> => {
        await engine.must(stack, 'up');
        await engine.must(stack, 'redis-cli', 'redis-1', '--', 'SET', 'user:1000', 'value');
        if (preparation.length > 0) await engine.must(stack, ...preparation);
      };
      await prepare();
      const { elapsedMs: latestMs } = await engine.must(stack, ...command);
      const counts = { wentOn: 0, notMet: 0, metAtStart: 0 };
      const absences: number[] = [];
      for (let round = 0; round < all; round += 1) {
        await prepare();
        const ended = await disturbed(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL', latestMs, command);
        if (isMetAtStart(ended)) counts.metAtStart += 1;
        else if (ended.exitCode !== 0) throw new Error(`round ${round}, ${name}, ${ended.said}`);
        else if (ended.stderr.includes('answers again')) counts.wentOn += 1;
        else counts.notMet += 1;
        absences.push(ended.absenceMs);
        await engine.must(stack, 'up');
        expect((await engine.must(stack, 'up')).stdout).toContain('nothing to do');
        expect(await get('user:1000')).toBe(preparation.includes('--volumes' as never) ? '' : 'value');
      }
      record(`the engine restarted during ${name}`, {
        rounds: all,
        ...counts,
        absenceMedianMs: Math.round(median(absences)),
      });
    });

    test('while the cluster runs, it comes back with every key', { timeout: HOUR_MS }, async () => {
      const all = rounds(10);
      const times: number[] = [];
      let mendedByUp = 0;
      await engine.must(stack, 'up');
      for (let round = 0; round < all; round += 1) {
        const signal = round % 2 === 0 ? 'SIGTERM' : 'SIGKILL';
        await engine.must(stack, 'redis-cli', 'redis-1', '--', 'SET', 'user:1000', `value ${round}`);
        // A killed engine's containers go on, and what they wrote a second ago is on the disk.
        await sleep(1100);
        await engine.stop(signal);
        await engine.start();
        const at = performance.now();
        const status = async (): Promise<Ended> => engine.program(stack, 'status').ended;
        let last = await status();
        // An engine that was killed finds its containers running, stops them, and takes that for the wish of a person.
        const mayStayDown = signal === 'SIGKILL';
        while (last.exitCode !== 0 && performance.now() - at < 30_000) {
          if (mayStayDown && /Exited/.test(last.stdout)) {
            // The command that status names.
            await engine.must(stack, 'up');
            mendedByUp += 1;
          }
          last = await status();
        }
        expect({ signal, exitCode: last.exitCode, said: last.stdout }).toMatchObject({ exitCode: 0 });
        times.push(performance.now() - at);
        expect(await get('user:1000')).toBe(`value ${round}`);
      }
      record('the engine restarted while the cluster runs', {
        rounds: all,
        cameBackByThemselves: all - mendedByUp,
        afterKillMendedByUp: mendedByUp,
        wholeAgainMedianMs: Math.round(median(times)),
        slowestMs: Math.round(Math.max(...times)),
      });
    });
  },
);
