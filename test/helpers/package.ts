import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Outcome } from './test-stack.ts';

/** What the package is made from. */
const PARTS = ['package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'LICENSE', 'src', 'scripts', 'infra'];
const KEPT = resolve('node_modules/.cache/redis-cluster-as-code-packed');

/** What the tests' own npm has put into the environment is about this checkout, and not about a project elsewhere. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE_ENV$)/.test(name)),
);

/** A folder in which the packed tarball is installed, as anybody installs it. */
export interface Project {
  readonly folder: string;
  readonly tarball: string;
  /** Starts a command line in the project, or in a folder below: `npx redis-cluster up`. */
  readonly start: (command: string, options?: CommandOptions) => ChildProcess;
  readonly run: (command: string, options?: CommandOptions) => Promise<Outcome>;
  readonly remove: () => void;
}

interface CommandOptions {
  readonly below?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: 'ignore' | 'pipe';
}

/** Installs offline: there is nothing to fetch. */
export async function installPackage(): Promise<Project> {
  const tarball = await packedTarball();
  const folder = mkdtempSync(join(tmpdir(), 'package-test-'));
  const start: Project['start'] = (command, { below = '.', env = {}, stdin = 'ignore' } = {}) =>
    spawn('sh', ['-c', command], {
      cwd: join(folder, below),
      env: { ...ENV, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
  const run: Project['run'] = (command, options) => outcomeOf(start(command, options));
  const installed = await run(`npm install --save-dev --offline --no-audit --no-fund ${tarball}`);
  if (installed.exitCode !== 0) throw new Error(installed.stderr);
  return { folder, tarball, start, run, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What `npm pack` makes of the sources as they are: in a copy of them, so that two test files may do it at once. */
async function packedTarball(): Promise<string> {
  const name = `${digest()}.tgz`;
  const kept = join(KEPT, name);
  if (existsSync(kept)) return kept;
  const copy = mkdtempSync(join(tmpdir(), 'package-source-'));
  try {
    for (const part of PARTS) cpSync(part, join(copy, part), { recursive: true });
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    const child = spawn('npm', ['pack', '--silent'], { cwd: copy, env: ENV, stdio: ['ignore', 'pipe', 'pipe'] });
    const { exitCode, stdout, stderr } = await outcomeOf(child);
    if (exitCode !== 0) throw new Error(`npm pack: ${stdout}${stderr}`);
    mkdirSync(KEPT, { recursive: true });
    for (const old of readdirSync(KEPT)) if (!old.startsWith(name)) rmSync(join(KEPT, old), { force: true });
    cpSync(join(copy, stdout.trim()), `${kept}.${process.pid}`);
    renameSync(`${kept}.${process.pid}`, kept);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return kept;
}

/** Of all that the tarball follows from: another one is another tarball. */
function digest(): string {
  const all = createHash('sha256');
  for (const part of PARTS) {
    const files = statSync(part).isFile()
      ? [part]
      : readdirSync(part, { recursive: true, encoding: 'utf8' }).toSorted();
    for (const file of files) {
      const path = file === part ? part : join(part, file);
      if (statSync(path).isFile()) all.update(`\n${path}\n`).update(readFileSync(path));
    }
  }
  return all.digest('hex').slice(0, 32);
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => (output.stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (output.stderr += String(chunk)));
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, ...output };
}
