import { basename, dirname, join } from 'node:path';

/** This program, to be started in a process of its own. */
export interface OwnProgram {
  /** What Node.js is given before the words of a command. */
  readonly args: readonly string[];
  /** Where they are to be understood: `tsx` is found from here. */
  readonly folder: string;
}

/** The bundle that src/launch.ts keeps of a checkout. */
const KEPT_BUNDLE = /^(.*)[\\/]node_modules[\\/]\.cache[\\/][^\\/]*$/;

/**
 * From its sources; from the bundle that a checkout keeps of them; or from the package, where this file is in dist, or
 * below it.
 */
export function ownProgram(file = __filename): OwnProgram {
  const here = dirname(file);
  const checkout = file.endsWith('.ts') ? join(here, '../..') : KEPT_BUNDLE.exec(here)?.[1];
  if (checkout !== undefined) return { args: ['--import', 'tsx', join(checkout, 'manage.ts')], folder: checkout };
  const dist = basename(here) === 'dist' ? here : dirname(here);
  return { args: [join(dist, 'cli.js')], folder: dist };
}
