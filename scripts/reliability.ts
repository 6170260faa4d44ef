/**
 * Runs the stories of hundreds of rounds, and writes docs/reliability.md from what they measured.
 *
 *     npm run reliability                    all of them: hours on two cores
 *     npm run reliability -- soak at-once    those whose file has one of these words in its name; the others keep their figures
 *
 * RELIABILITY_ROUNDS=3 tries them with so many rounds, and writes nothing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { connectDocker } from '../src/engine/docker.ts';
import { locateEngine } from '../src/engine/locate.ts';
import { reliabilityPage, type Measured, type Story } from './reliability/page.ts';

const FIGURES = 'docs/reliability.json';
const PAGE = 'docs/reliability.md';

async function run(): Promise<number> {
  const words = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), 'reliability-'));
  const report = join(folder, 'figures.jsonl');
  writeFileSync(report, '');
  try {
    const { exitCode } = await $({
      nothrow: true,
      stdio: 'inherit',
      env: { ...process.env, RELIABILITY_REPORT: report },
    })`npx vitest run --project reliability --no-file-parallelism ${words}`;
    const stories = readFileSync(report, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Story);
    if (process.env['RELIABILITY_ROUNDS'] !== undefined) {
      for (const story of stories) console.log(JSON.stringify(story));
      return exitCode ?? 1;
    }
    await keep(stories);
    console.log(`${stories.length} figures in ${FIGURES} and ${PAGE}`);
    return exitCode ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the place of those that the same stories left before. */
async function keep(stories: readonly Story[]): Promise<void> {
  const before = existsSync(FIGURES) ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as Measured[]) : [];
  const [commit, machine] = [commitName(), await machineText()];
  const date = new Date().toISOString().slice(0, 10);
  const now = stories.map((story): Measured => ({ ...story, date, commit, machine }));
  const kept = before.filter((one) => !now.some((other) => nameOf(other) === nameOf(one)));
  const all = [...kept, ...now].toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  writeFileSync(FIGURES, `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(PAGE, reliabilityPage(all));
  await $`npx prettier --write ${PAGE} ${FIGURES}`.quiet();
}

function nameOf({ story, figures }: Story): string {
  return [story, figures['scenario'] ?? '', figures['fault'] ?? ''].join(' / ');
}

function commitName(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}

async function machineText(): Promise<string> {
  const bounds = { signal: new AbortController().signal, timeoutMs: 10_000 };
  const { version } = await (await connectDocker(await locateEngine({ env: process.env }), bounds)).version();
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} cores, ${gigabytes} GiB, Node.js ${process.version}, Engine ${version}`;
}

void run().then((exitCode) => {
  process.exitCode = exitCode;
});
