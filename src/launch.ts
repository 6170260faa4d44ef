import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import type * as esbuild from 'esbuild';
import type * as program from './cli/program.ts';

type Program = typeof program;

/**
 * Loads the program in a twentieth of a second instead of seven tenths: most of a short command's time would go into
 * finding, reading and compiling some 1,500 library files. So the program is kept in one file with V8's compiled code
 * beside it, in node_modules/.cache, under a digest of all that it is made from. Whatever changes (a source, a library, Node.js),
 * the digest changes with it: what is kept can be missing, but not stale. (Libraries by their lock file.)
 */
export async function loadProgram(root: string): Promise<Program> {
  try {
    return loadKept(root);
  } catch {
    // A folder that can't be written, a platform without esbuild: slower, and otherwise the same.
    return import('./cli/program.ts');
  }
}

function loadKept(root: string): Program {
  const folder = join(root, 'node_modules/.cache/redis-cluster-as-code');
  const file = join(folder, `${digestOfSources(root)}.cjs`);
  const source = readIfThere(file)?.toString('utf8') ?? build(root, folder, file);
  const compiledFile = `${file}.compiled`;
  const compiled = readIfThere(compiledFile);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    ...(compiled === undefined ? {} : { cachedData: compiled }),
  });
  const module = { exports: {} };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody can know the type of what a script evaluates to
  const run = script.runInThisContext() as (...args: unknown[]) => void;
  run(module.exports, createRequire(file), module, file, folder);
  if (compiled === undefined || script.cachedDataRejected === true) {
    // At the end it holds the functions that the run needed, too.
    process.once('exit', () => writeWhole(compiledFile, script.createCachedData()));
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was built from this very module
  return module.exports as Program;
}

function digestOfSources(root: string): string {
  const digest = createHash('sha256').update(`${process.version} ${process.arch}`);
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .toSorted();
  for (const name of ['../package.json', '../package-lock.json', ...sources]) {
    digest.update(`\n${name}\n`).update(readFileSync(join(root, 'src', name)));
  }
  return digest.digest('hex').slice(0, 32);
}

function build(root: string, folder: string, file: string): string {
  // Needed once a change, so not imported with every start.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a require has no types
  const { buildSync } = createRequire(__filename)('esbuild') as typeof esbuild;
  const { outputFiles } = buildSync({
    entryPoints: [join(root, 'src/cli/program.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // A script that is evaluated has no import() of its own: what stays outside is required.
    supported: { 'dynamic-import': false },
    // Optional parts of ssh2, compiled where a compiler was at hand; it does without. And what reads files beside itself.
    external: ['cpu-features', '*.node', '@fastify/swagger-ui'],
    // Half the size, which is half the time to read it. Names stay, for the stack of a bug.
    minifyWhitespace: true,
    logLevel: 'silent',
  });
  const source = outputFiles[0]?.text ?? '';
  rmSync(folder, { recursive: true, force: true });
  writeWhole(file, source);
  return source;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Whole or not at all, whoever else does the same in this moment. */
function writeWhole(file: string, content: string | Buffer): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, content);
    renameSync(draft, file);
  } catch {
    rmSync(draft, { force: true });
  }
}
