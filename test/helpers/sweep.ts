/**
 * The sweep: a command meets a fault at each of its mutating calls in turn; then the same command has to bring the stack
 * to where it should be, and a third one has to find nothing to do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS, type Fault } from './fault-line.ts';
import { record, rounds } from './reliability-record.ts';
import { findTrouble, writeKeptKeys } from './stack-trouble.ts';
import { makeSweptStack, type Ended, type SweptStack } from './swept-stack.ts';
import type { Outcome, StackOptions } from './test-stack.ts';

export interface Scenario {
  readonly name: string;
  readonly stack?: StackOptions;
  /** From nothing, or from a stack that is up and holds keys. */
  readonly from: 'nothing' | 'up';
  /** Brings the stack from there, or from where the last point left it, to where the command begins. */
  readonly prepare?: (swept: SweptStack) => Promise<void>;
  /** Each point begins with a stack that is made anew: `prepare` can't undo the command. */
  readonly anew?: boolean;
  readonly command: (swept: SweptStack) => readonly string[];
  /** The second run, where it isn't the same command. @throws Error with what isn't as it should be after it */
  readonly again?: (swept: SweptStack, first: Outcome) => Promise<Outcome>;
  /** Which calls are tried, of all that a run makes: all. */
  readonly choose?: (calls: readonly string[]) => readonly number[];
}

const LONGEST_MS = 3 * 60 * 60_000;
/** Stacks side by side: a run mostly waits for others. */
const LANES = 2;
/** A run that hasn't ended by then never will. */
const LONGEST_RUN_MS = 180_000;

/** RELIABILITY_IMAGE: the same with another server. */
function withImage(options: StackOptions = {}): StackOptions {
  const image = process.env['RELIABILITY_IMAGE'];
  return image === undefined ? options : { ...options, redis: `${options.redis ?? ''}  image: ${image}\n` };
}

export function describeSweep(scenario: Scenario): void {
  describe(`${scenario.name}: a fault at each of its calls`, () => {
    const lanes: SweptStack[] = [];
    let calls: readonly string[] = [];
    beforeAll(async () => {
      for (let lane = 0; lane < LANES; lane += 1) lanes.push(await makeSweptStack(withImage(scenario.stack)));
      for (const swept of lanes.slice(0, 1)) {
        await start(scenario, swept, true);
        swept.line.begin();
        await swept.stack.must(...scenario.command(swept));
        calls = [...swept.line.calls];
        if (process.env['SWEEP_CALLS'] !== undefined) console.log(calls.join('\n'));
      }
    }, LONGEST_MS);
    afterAll(async () => {
      for (const swept of lanes) await swept.remove();
    });

    test.each(FAULTS)(
      '%s: the next run brings it to its end',
      async (fault) => {
        const tally = newTally();
        const chosen = scenario.choose?.(calls) ?? calls.map((_, index) => index + 1);
        const attempts = spread(chosen, rounds(chosen.length)).map((point, index): Attempt => {
          return { point, fault, isHasty: index % 2 === 0 };
        });
        const runLane = async (swept: SweptStack): Promise<void> => {
          let isWhole = false;
          for (let attempt = attempts.shift(); attempt !== undefined; attempt = attempts.shift()) {
            await start(scenario, swept, !isWhole || scenario.anew === true);
            const tried = await tryPoint(scenario, swept, attempt);
            isWhole = tried.problem === undefined;
            // On a busy machine the short bound may end the run before it gets there.
            if (isWhole && tried.call === undefined && attempt.isHasty) attempts.push({ ...attempt, isHasty: false });
            else tally.add(tried);
          }
        };
        await Promise.all(lanes.map(runLane));
        record('sweep', { scenario: scenario.name, fault, calls: calls.length, ...tally.figures() });
        expect(tally.problems).toEqual([]);
        expect(tally.figures().points).toBeGreaterThan(0);
      },
      LONGEST_MS,
    );
  });
}

async function start({ from, prepare }: Scenario, swept: SweptStack, isAnew: boolean): Promise<void> {
  swept.line.begin();
  if (isAnew || from === 'nothing') {
    await swept.clear();
    if (from === 'up') {
      await swept.stack.must('up');
      await writeKeptKeys(swept.stack);
    }
  }
  await prepare?.(swept);
}

interface Attempt {
  readonly point: number;
  readonly fault: Fault;
  /** With a bound below the stall's time. */
  readonly isHasty: boolean;
}

interface Tried {
  /** The call at that point; undefined where this run made fewer. */
  readonly call: string | undefined;
  /** How the run ended that met the fault: `0`, or a code. */
  readonly end: string;
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly problem: string | undefined;
}

async function tryPoint(scenario: Scenario, swept: SweptStack, { point, fault, isHasty }: Attempt): Promise<Tried> {
  const { stack, line } = swept;
  const startedAt = performance.now();
  const first = await runIntoFault(scenario, swept, { point, fault, isHasty });
  const elapsedMs = performance.now() - startedAt;
  const call = line.calls[point - 1];
  const end = endOf(first);
  const said: string[] = [saidBy('first', first)];
  const find = async (): Promise<string | undefined> => {
    if (call !== undefined && fault.startsWith('kill') !== (first.signal === 'SIGKILL')) return `it ended with ${end}`;
    if (end.startsWith('without')) return `it ended ${end}`;
    line.begin();
    const second = await (scenario.again?.(swept, first) ?? stack.run(...scenario.command(swept)));
    said.push(saidBy('second', second), ...line.calls);
    if (second.exitCode !== 0) return 'the second run failed';
    const trouble = await findSweptTrouble(scenario, swept);
    if (trouble.length > 0) return `after the second run: ${trouble.join('; ')}`;
    line.begin();
    const third = await stack.run('up');
    said.push(saidBy('third', third));
    if (third.exitCode !== 0) return 'the third run failed';
    return line.calls.length === 0 ? undefined : `the third run made calls: ${line.calls.join('; ')}`;
  };
  const found = await find().catch((error: unknown) => String(error));
  const totalMs = performance.now() - startedAt;
  const where = `${fault} at call ${point}, ${call ?? 'which was not made'}`;
  const problem = found === undefined ? undefined : [`${where}: ${found}`, ...said].join('\n');
  if (problem !== undefined) process.stderr.write(`${scenario.name}: ${problem}\n`);
  return { call, end, elapsedMs, totalMs, problem };
}

async function runIntoFault(scenario: Scenario, swept: SweptStack, attempt: Attempt): Promise<Ended> {
  const { point, fault, isHasty } = attempt;
  const command = scenario.command(swept);
  // Who is killed needs a process of his own; so does a run of which more than its result has to end.
  if (fault.startsWith('kill')) return swept.runChild({ point, fault }, ...command);
  if (fault === 'stall') return swept.runChild({ point, fault }, ...command, '--timeout', isHasty ? '3' : '60');
  swept.line.begin({ point, fault });
  const late = { exitCode: -1, stdout: '', stderr: 'it did not end', signal: null };
  const timeout = new AbortController();
  const run = swept.stack.run(...command, '--timeout', '20').finally(() => timeout.abort());
  const bound = sleep(LONGEST_RUN_MS, late, { signal: timeout.signal }).catch(() => late);
  return { signal: null, ...(await Promise.race([run, bound])) };
}

/** `0`, the signal, the code of the error, or what is wrong with it. */
function endOf({ exitCode, signal, stderr }: Ended): string {
  if (signal !== null) return signal === 'SIGKILL' ? signal : `without an end: ${signal}`;
  if (exitCode === 0) return '0';
  const code = /^✗ .*\[([A-Z_]+)\]$/m.exec(stderr)?.[1];
  return stderr.includes('bug of this program') ? 'without a code: a bug' : (code ?? `without a code: ${exitCode}`);
}

function saidBy(run: string, { exitCode, stdout, stderr }: Outcome): string {
  return `--- the ${run} run: ${exitCode}\n${stdout.slice(-600)}${stderr.slice(-1200)}`;
}

function findSweptTrouble({ from }: Scenario, { stack }: SweptStack): Promise<string[]> {
  return findTrouble(stack, from === 'up');
}

interface Tally {
  readonly problems: string[];
  add(tried: Tried): void;
  figures(): { readonly points: number; readonly converged: number } & Record<string, number | string>;
}

function newTally(): Tally {
  const problems: string[] = [];
  const ends = new Map<string, number>();
  const reached: Tried[] = [];
  let missed = 0;
  return {
    problems,
    add: (tried) => {
      if (tried.problem !== undefined) problems.push(tried.problem);
      else if (tried.call === undefined) {
        missed += 1;
        return;
      }
      reached.push(tried);
      ends.set(tried.end, (ends.get(tried.end) ?? 0) + 1);
    },
    figures: () => ({
      points: reached.length,
      converged: reached.length - problems.length,
      // Calls that this run didn't make: not every run makes the same number.
      missed,
      ends: [...ends].map(([end, count]) => `${end} ${count}`).join(', '),
      slowestRunSeconds: seconds(Math.max(0, ...reached.map(({ elapsedMs }) => elapsedMs))),
      secondsPerPoint: seconds(reached.reduce((sum, { totalMs }) => sum + totalMs, 0) / Math.max(1, reached.length)),
    }),
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** `count` of them, with the same distance between any two. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (count >= all.length) return [...all];
  return Array.from({ length: count }, (_, index) => all[Math.floor(((index + 0.5) * all.length) / count)]).filter(
    (one) => one !== undefined,
  );
}
