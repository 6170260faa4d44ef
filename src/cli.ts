#!/usr/bin/env node
import { basename, dirname, join } from 'node:path';
import type * as program from './cli/program.ts';
import { compiledLoader } from './compiled.ts';

/** The bundle of cli/program.ts, from this file's folder: scripts/package.ts puts its name in. */
declare const PROGRAM_FILE: string;

// The package's front door. Compiled code is kept where tools keep such things: in the node_modules that the package is in.
const home = dirname(dirname(__dirname));
const modules = basename(home) === 'node_modules' ? home : join(dirname(__dirname), 'node_modules');
const load = compiledLoader(join(modules, '.cache/redis-cluster-as-code'));
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was built from this very module
const { start, calledAs } = load(join(__dirname, PROGRAM_FILE)) as typeof program;

void start(process, { program: calledAs(process.argv[1] ?? '', process.cwd()), checkout: undefined });
