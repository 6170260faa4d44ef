import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as esbuild from 'esbuild';
import type * as program from './cli/program.ts';
import { compiledLoader, readIfThere, writeWhole } from './compiled.ts';

type Program = typeof program;

/**
 * Loads the program of a checkout in a twentieth of a second instead of seven tenths: most of a short command's time would
 * go into finding, reading and compiling some 1,500 library files. So the program is kept in one file with V8's compiled code
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
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was built from this very module
  return compiledLoader(folder)(file, source) as Program;
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

/** How the program becomes one file here, and the files of the package (scripts/package.ts). */
export const BUNDLING = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  // A script that is evaluated has no import() of its own: what stays outside is required.
  supported: { 'dynamic-import': false },
  // dockerode loads them for BuildKit's sessions and an ssh of its own, which nothing here opens: something that is there
  // anyway in their place.
  alias: {
    '@grpc/grpc-js': 'node:util',
    '@grpc/proto-loader': 'node:util',
    protobufjs: 'node:util',
    ssh2: 'node:util',
  },
  // Half the size, which is half the time to read it. Names stay, for the stack of a bug.
  minifyWhitespace: true,
  logLevel: 'silent',
} as const satisfies Partial<esbuild.BuildOptions>;

function build(root: string, folder: string, file: string): string {
  // Needed once a change, so not imported with every start.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a require has no types
  const { buildSync } = createRequire(__filename)('esbuild') as typeof esbuild;
  const { outputFiles } = buildSync({
    ...BUNDLING,
    entryPoints: [join(root, 'src/cli/program.ts')],
    format: 'cjs',
    // It reads files beside itself.
    external: ['@fastify/swagger-ui'],
  });
  const source = outputFiles[0]?.text ?? '';
  rmSync(folder, { recursive: true, force: true });
  writeWhole(file, source);
  return source;
}
