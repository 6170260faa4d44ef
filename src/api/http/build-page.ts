import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as esbuild from 'esbuild';

/** The live page, as the service gives it to a browser. */
export interface Page {
  /** It refers to /page/app.js and /page/app.css. */
  readonly html: string;
  readonly script: string;
  readonly style: string;
  /** A digest of all three: another page has another one. */
  readonly build: string;
}

/** In the package, beside the bundle that holds this module. */
export const PAGE_FILE = 'page.json';
const FOLDER = 'src/api/page';

/** Of the package, from what was built when it was packed; of a checkout, from the sources there. */
export async function loadPage(checkout: string | undefined): Promise<Page> {
  if (checkout !== undefined) return buildPage(checkout);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- scripts/package.ts wrote it
  return JSON.parse(await readFile(join(__dirname, PAGE_FILE), 'utf8')) as Page;
}

/**
 * Builds the page from its sources in `root`, in memory, in a tenth of a second: there is no built copy that could be
 * older than they are.
 */
export async function buildPage(root: string): Promise<Page> {
  // The program itself is bundled, and esbuild can't be: it is found as the checkout finds it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a require has no types
  const { build: bundle } = createRequire(join(root, 'package.json'))('esbuild') as typeof esbuild;
  const { outputFiles } = await bundle({
    absWorkingDir: root,
    entryPoints: { app: join(FOLDER, 'app.tsx'), style: join(FOLDER, 'css/page.css') },
    bundle: true,
    write: false,
    outdir: 'page',
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  const [script, style] = [textOf('.js'), textOf('.css')];
  const template = readFileSync(join(root, FOLDER, 'index.html'), 'utf8');
  const digest = createHash('sha256').update(JSON.stringify([template, script, style]));
  const build = digest.digest('hex').slice(0, 12);
  return { html: template.replace('{build}', build), script, style, build };
}
