/**
 * Walks one story on other engines and other servers, and writes docs/compatibility.md from what each step came to.
 *
 *     npm run grounds                                       each engine with one server, and each server on one engine
 *     npm run grounds -- engine=docker-28,podman-5.4        those engines with the usual server
 *     npm run grounds -- engine=podman-5.8 server=valkey-9.1
 *
 * Needs root and Debian's packages. The engines' files are kept in GROUNDS_FOLDER, or in the user's cache.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { $ } from 'zx';
import { errorMessage, StackError } from '../src/errors.ts';
import { SERVER_IMAGES } from '../test/helpers/server-images.ts';
import { walkCell, type StepReport } from './grounds/cell.ts';
import { whyNoGrounds } from './grounds/engine.ts';
import { ENGINES } from './grounds/engines.ts';
import { compatibilityPage, type WalkedCell } from './grounds/page.ts';
import { pairsOf } from './grounds/pairs.ts';

const CELLS = 'docs/compatibility.json';
const PAGE = 'docs/compatibility.md';
const USAGE = `Usage: npm run grounds [-- engine=NAME,… server=NAME,…]
Engines: ${Object.keys(ENGINES).join(' ')}
Servers: ${SERVER_IMAGES.join(' ')}
`;

async function main(): Promise<number> {
  const pairs = pairsOf(process.argv.slice(2));
  if (pairs === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const whyNot = whyNoGrounds();
  if (whyNot !== undefined) {
    process.stderr.write(`no grounds: ${whyNot}\n`);
    return 1;
  }
  const signal = abortedBySignals();
  let isWhole = true;
  for (const [engine, server] of pairs) {
    console.log(`${engine}, ${server}`);
    try {
      const cell = await walkCell(engine, server, { signal, onStep: print });
      if ('reason' in cell) {
        console.log(`  skipped: ${cell.reason}`);
        continue;
      }
      isWhole &&= cell.steps.every(({ is }) => is !== 'failed');
      await keep({ ...cell, commit: commitName() });
    } catch (error) {
      signal.throwIfAborted();
      isWhole = false;
      console.log(`  ✗ ${errorMessage(error)}`);
    }
  }
  return isWhole ? 0 : 1;
}

function print({ name, is, message, seconds }: StepReport): void {
  const mark = is === 'failed' ? '✗' : '✓';
  console.log(`  ${mark} ${name} (${seconds} s)${message === undefined ? '' : `: ${message}`}`);
}

/** In the place of what an earlier run said of the same two. */
async function keep(cell: WalkedCell): Promise<void> {
  const before = existsSync(CELLS) ? (JSON.parse(readFileSync(CELLS, 'utf8')) as WalkedCell[]) : [];
  const others = before.filter(({ engine, server }) => engine !== cell.engine || server !== cell.server);
  const nameOf = ({ engine, server }: WalkedCell): string => `${engine} ${server}`;
  const all = [...others, cell].toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  writeFileSync(CELLS, JSON.stringify(all));
  writeFileSync(PAGE, compatibilityPage(all));
  await $`npx prettier --write ${PAGE} ${CELLS}`.quiet();
}

function commitName(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}

/** A listener for the whole run: the default action would end the process before the engine is removed. */
function abortedBySignals(): AbortSignal {
  const controller = new AbortController();
  for (const [name, code] of [
    ['SIGINT', 'INTERRUPTED'],
    ['SIGTERM', 'TERMINATED'],
  ] as const) {
    process.on(name, () => controller.abort(new StackError(code, { message: 'the run was interrupted' })));
  }
  return controller.signal;
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exit(error instanceof StackError ? error.exitCode : 1);
  },
);
