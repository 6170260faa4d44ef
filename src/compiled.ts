import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

interface Module {
  readonly exports: unknown;
}

const SEAL_BYTES = 4;
const SUFFIX = `.${process.version}-${process.arch}.compiled`;

/**
 * Loads CommonJS files, and what they require by a relative path, with the code that V8 compiled for them in an earlier
 * run: most of a short command's time would go into compiling. It is kept in `folder`, where that can be written, from
 * the end of the first run on. The name of a file has to tell its content: what is kept can be missing, but not stale.
 */
export function compiledLoader(folder: string): (file: string, source?: string) => unknown {
  const modules = new Map<string, Module>();
  const fresh = new Map<string, Script>();
  process.once('exit', () => {
    for (const [file, script] of fresh)
      writeWhole(join(folder, basename(file) + SUFFIX), sealed(script.createCachedData()));
    if (fresh.size > 0) removeOutdated(folder, new Set([...modules.keys()].map(dirname)));
  });

  return function load(file: string, given?: string): unknown {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const source = given ?? readFileSync(file, 'utf8');
    const compiled = unsealed(readIfThere(join(folder, basename(file) + SUFFIX)));
    const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename: file,
      ...(compiled === undefined ? {} : { cachedData: compiled }),
    });
    // At the end of the run it holds the functions that were needed, too.
    if (compiled === undefined || script.cachedDataRejected === true) fresh.set(file, script);
    const requireOther = createRequire(file);
    const require = Object.assign(
      (name: string): unknown => (/^\.\.?\/.*\.js$/.test(name) ? load(join(dirname(file), name)) : requireOther(name)),
      requireOther,
    );
    const module: Module = { exports: {} };
    modules.set(file, module);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody can know the type of what a script evaluates to
    const run = script.runInThisContext() as (...args: unknown[]) => void;
    run(module.exports, require, module, file, dirname(file));
    return module.exports;
  };
}

/** V8 refuses what it compiled from another source, or another version did, but crashes on what a disk has spoilt. */
function sealed(data: Buffer): Buffer {
  const seal = Buffer.alloc(SEAL_BYTES);
  seal.writeUInt32LE(crc32(data));
  return Buffer.concat([data, seal]);
}

function unsealed(file: Buffer | undefined): Buffer | undefined {
  if (file === undefined || file.length < SEAL_BYTES) return undefined;
  const data = file.subarray(0, -SEAL_BYTES);
  return file.readUInt32LE(data.length) === crc32(data) ? data : undefined;
}

/** What was compiled of files that are no more, of whatever Node.js. */
function removeOutdated(folder: string, sources: ReadonlySet<string>): void {
  try {
    for (const name of readdirSync(folder)) {
      const file = /^(.*\.c?js)\.v[^/]*\.compiled$/.exec(name)?.[1];
      const isThere = file === undefined || [...sources].some((source) => existsSync(join(source, file)));
      if (!isThere) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // A folder that can't be read or written keeps what it has.
  }
}

export function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Whole or not at all, whoever else does the same in this moment. */
export function writeWhole(file: string, content: string | Buffer): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    try {
      writeFileSync(draft, content);
      renameSync(draft, file);
    } finally {
      rmSync(draft, { force: true });
    }
  } catch {
    // It can't be kept.
  }
}
