import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { errorMessage, StackError } from '../src/errors.ts';
import { benchApi } from './bench/api.ts';
import { benchCheck } from './bench/check.ts';
import { benchCompose } from './bench/compose.ts';
import { benchDown } from './bench/down.ts';
import { benchForm } from './bench/form.ts';
import { benchHosts } from './bench/hosts.ts';
import { benchIdle } from './bench/idle.ts';
import { benchIsolated } from './bench/isolated.ts';
import { benchPackage } from './bench/package.ts';
import { benchProxy } from './bench/proxy.ts';
import { benchReshard } from './bench/reshard.ts';
import { benchUp } from './bench/up.ts';
import { closeBench, openBench, type Bench } from './bench/support/context.ts';
import { describeMachine, machineText } from './bench/support/machine.ts';
import { judge, renderTable, type Row, type Verdict } from './bench/support/rows.ts';
import { clearStack } from './bench/support/stacks.ts';

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  up: benchUp,
  form: benchForm,
  idle: benchIdle,
  down: benchDown,
  isolated: benchIsolated,
  compose: benchCompose,
  package: benchPackage,
  check: benchCheck,
  reshard: benchReshard,
  api: benchApi,
  proxy: benchProxy,
  hosts: benchHosts,
};

const USAGE = `Usage: npm run bench -- [${Object.keys(PARTS).join('] [')}] [--rounds N] [--slow] [--json FILE]
Measures on the local engine, everything side by side in one run. --slow adds what takes minutes.
BENCH_IMAGE names the image to measure with; redis:7-alpine, or the local one, by default.
`;

/** @returns the exit code: 0 when all was measured, whether or not a target was reached. */
async function main(): Promise<number> {
  const options = {
    rounds: { type: 'string', default: '5' },
    slow: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const rounds = Number(values.rounds);
  if (
    values.help ||
    !Number.isInteger(rounds) ||
    rounds < 1 ||
    positionals.some((name) => !Object.hasOwn(PARTS, name))
  ) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }

  const bench = await openBench({ rounds, slow: values.slow, signal: abortedBySignals() });
  try {
    const machine = await describeMachine(bench);
    process.stdout.write(`${machineText(machine)}\n${rounds} rounds and a warm-up; medians, ratios by pairs\n`);
    const { verdicts, failed } = await runParts(bench, positionals.length === 0 ? Object.keys(PARTS) : positionals);
    process.stdout.write(`${renderTable(verdicts, process.stdout.isTTY && !process.env['NO_COLOR'])}\n`);
    if (values.json !== undefined) {
      await writeFile(values.json, `${JSON.stringify({ machine, rounds, verdicts }, null, 2)}\n`);
    }
    return failed ? 1 : 0;
  } finally {
    for (const name of bench.stackNames) await clearStack(bench.engine, name);
    await closeBench(bench);
  }
}

/** A part that fails is reported and spoils no other. */
async function runParts(bench: Bench, names: readonly string[]): Promise<{ verdicts: Verdict[]; failed: boolean }> {
  const verdicts: Verdict[] = [];
  let failed = false;
  for (const name of names) {
    try {
      verdicts.push(...((await PARTS[name]?.(bench)) ?? []).map(judge));
    } catch (error) {
      bench.signal.throwIfAborted();
      failed = true;
      const details = error instanceof StackError ? error.details : [];
      bench.note([`${name} failed: ${errorMessage(error)}`, ...details].join('\n  '));
    }
  }
  return { verdicts, failed };
}

/** A listener for the whole run: the default action would end the process before anything is cleared away. */
function abortedBySignals(): AbortSignal {
  const controller = new AbortController();
  const abort = (code: 'INTERRUPTED' | 'TERMINATED') => (): void => {
    if (controller.signal.aborted) return;
    process.stderr.write('clearing away …\n');
    controller.abort(new StackError(code, { message: 'the bench was interrupted' }));
  };
  process.on('SIGINT', abort('INTERRUPTED'));
  process.on('SIGTERM', abort('TERMINATED'));
  return controller.signal;
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof StackError ? error.message : ((error as Error).stack ?? String(error))}\n`,
    );
    process.exit(error instanceof StackError ? error.exitCode : 1);
  },
);
