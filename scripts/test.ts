/** Removes what killed runs have left, runs every test and ends with one line that counts them, for people and for machines. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
}

async function test(): Promise<number> {
  // What killed test runs have left holds subnets and ports. Without an engine the tests themselves say so.
  await $({ nothrow: true, stdio: 'inherit' })`npx tsx manage.ts down --all-stale --yes`;
  const folder = mkdtempSync(join(tmpdir(), 'test-report-'));
  const file = join(folder, 'report.json');
  try {
    const run = await $({
      nothrow: true,
      stdio: 'inherit',
    })`npx vitest run --project unit --project contract --project e2e --project hosts --reporter=default --reporter=json --outputFile.json=${file}`;
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const skipped = report.numPendingTests === 0 ? '' : `, ${report.numPendingTests} skipped`;
    console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed${skipped}`);
    return run.exitCode === 0 && report.numPassedTests > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void test().then((exitCode) => {
  process.exitCode = exitCode;
});
