/** Builds dist/, all that the package holds: `npm pack` and `npm publish` run it first (prepack). */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { build as esbuild, buildSync, transformSync, type Plugin } from 'esbuild';
import { buildPage, PAGE_FILE } from '../src/api/http/build-page.ts';
import { BUNDLING } from '../src/launch.ts';

const DIST = 'dist';
const { exports, peerDependencies = {} } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
};
/** The sources of what `exports` names, by their files in dist: `dist/types/index.d.ts` is made from `src/index.ts`. */
const ENTRIES = Object.fromEntries(
  Object.values(exports).flatMap((entry): [out: string, source: string][] => {
    if (typeof entry === 'string') return [];
    const [out, source] = [relative(DIST, entry.default), relative(`${DIST}/types`, entry.types)];
    return [[out.replace(/\.js$/, ''), `src/${source.replace(/\.d\.ts$/, '.ts')}`]];
  }),
);
/** What whoever uses an entry has installed. */
const PEERS = Object.keys(peerDependencies);
/** What a page of Swagger UI asks for; the rest are other builds of the same. */
const SWAGGER_FILES = /^(swagger-ui\.css|index\.css|swagger-ui-(bundle|standalone-preset)\.js|favicon-.*\.png)$/;
/** Bundled for the browser, by a build of its own. */
const IN_THE_PAGE = ['node_modules/preact/package.json', 'node_modules/@fastify/swagger-ui/package.json'];
const SWAGGER_UI =
  'Swagger UI, the files in static (Apache-2.0)\n\nCopyright SmartBear Software Inc. The text of the licence is that of dockerode.\n';
const IMPORT = /(?<=\bfrom |\bimport\()['"]([^'"]+)['"]/g;

async function build(): Promise<void> {
  rmSync(DIST, { recursive: true, force: true });
  const { programFile, inputs } = await bundle();
  bundleDoor(programFile);
  declareTypes();
  // It is read, and Swagger UI's files are looked for, from the files that ask for them: those in lib.
  write('lib', PAGE_FILE, JSON.stringify(await buildPage(process.cwd())));
  const swagger = 'node_modules/@fastify/swagger-ui/static';
  for (const name of readdirSync(swagger).filter((one) => SWAGGER_FILES.test(one))) {
    cpSync(join(swagger, name), join(DIST, 'static', name));
  }
  cpSync(join(swagger, 'logo.svg'), join(DIST, 'lib/static/logo.svg'));
  cpSync('infra/dev-services.schema.json', join(DIST, 'schema.json'));
  write('.', 'licenses.txt', licensesOf([...inputs, ...IN_THE_PAGE]));
}

/**
 * All entries share what they have in common, and libraries that only some commands need are loaded when they do: in ES
 * modules, the only ones that esbuild splits, each then made CommonJS.
 *
 * @returns the program's file, which like all in lib is called after its content, and what all of them are made from
 */
async function bundle(): Promise<{ readonly programFile: string; readonly inputs: readonly string[] }> {
  const program = 'lib/program.js';
  const { outputFiles, metafile } = await esbuild({
    ...BUNDLING,
    plugins: [OWN_PARTS],
    external: PEERS,
    entryPoints: { 'lib/program': 'src/cli/program.ts', ...ENTRIES },
    outdir: DIST,
    format: 'esm',
    splitting: true,
    chunkNames: 'lib/[name]-[hash]',
    metafile: true,
    legalComments: 'none',
    // An import() stays one until it becomes a require() below.
    supported: {},
  });
  const { platform, target, supported, minifyWhitespace } = BUNDLING;
  let programFile = program;
  for (const { path, text } of outputFiles) {
    const name = relative(DIST, path);
    const { entryPoint = '' } = metafile.outputs[relative('.', path)] ?? {};
    const isCommonJs = metafile.inputs[entryPoint]?.format === 'cjs';
    const { code } = transformSync(isCommonJs ? withNames(text) : text, {
      format: 'cjs',
      platform,
      target,
      supported,
      minifyWhitespace,
    });
    const digest = createHash('sha256').update(code).digest('hex').slice(0, 8);
    const called = name === program ? `lib/program-${digest}.js` : name;
    if (name === program) programFile = called;
    write('.', called, code);
  }
  const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return { programFile, inputs: parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path) };
}

/**
 * What the program imports of its own for some commands is read with the rest, and run when it is needed: in a file for each
 * there would be seventy to open for one `up`. The service's libraries are as large as all else.
 */
const OWN_PARTS: Plugin = {
  name: 'own parts',
  setup: (bundler) => {
    bundler.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(OWN_IMPORT, 'Promise.resolve().then(() => require($1))'),
      loader: 'ts',
    }));
  },
};
const OWN_IMPORT = /\bimport\(('\.(?!.*\/api\/)[^']+\.ts')\)/g;

/** As a library in CommonJS is imported, an ES module has nothing but a default; its names are what the program asks for. */
function withNames(text: string): string {
  const named = text.replace(/export default (require_\w+\(\));?\s*$/, 'module.exports=$1;');
  if (named === text) throw new Error(`esbuild wraps libraries in another way now: ${text.slice(-80)}`);
  return named;
}

/** The command itself: only what loads the rest. */
function bundleDoor(programFile: string): void {
  const define = { PROGRAM_FILE: JSON.stringify(programFile) };
  buildSync({ ...BUNDLING, entryPoints: { cli: 'src/cli.ts' }, outdir: DIST, format: 'cjs', define, write: true });
}

/** The declarations of the entries, and of what these name. */
function declareTypes(): void {
  const folder = mkdtempSync(join(tmpdir(), 'package-types-'));
  try {
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: process.cwd(),
      outDir: folder,
      typeRoots: [resolve('node_modules/@types')],
    };
    const files = Object.values(ENTRIES).map((entry) => resolve(entry));
    const config = { extends: resolve('tsconfig.json'), compilerOptions, include: [], files };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder], { stdio: 'inherit' });
    const done = new Set<string>();
    const copy = (source: string): void => {
      if (done.has(source)) return;
      done.add(source);
      const text = readFileSync(join(folder, source.replace(/\.ts$/, '.d.ts')), 'utf8');
      for (const [, name = ''] of text.matchAll(IMPORT)) {
        if (name.startsWith('.')) copy(join(dirname(source), name));
        else if (!['node:', ...PEERS].some((known) => name.startsWith(known)))
          throw new Error(`${source} has types of ${name}, which the package is without`);
      }
      const own = source.replace(/^src\//, '').replace(/\.ts$/, '.d.ts');
      write(
        'types',
        own,
        text.replaceAll(IMPORT, (whole) => whole.replace(/\.ts(?=['"])/, '.js')),
      );
    };
    for (const entry of Object.values(ENTRIES)) copy(entry);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each bundled package with the text of its licence. */
function licensesOf(inputs: readonly string[]): string {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const texts = [...new Set(folders)].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined && license === undefined) throw new Error(`${folder} has no licence`);
    const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license ?? 'see below'})\n${text}`;
  });
  return `What this package is made from besides its own sources.\n\n${[SWAGGER_UI, ...texts].join(`\n${'-'.repeat(80)}\n\n`)}`;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

function write(folder: string, name: string, text: string): void {
  const path = join(DIST, folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

void build();
