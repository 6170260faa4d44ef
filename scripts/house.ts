/**
 * The rules of the house, checked: who may import whom, no cycles, how much a folder and a file may hold.
 * `docs/architecture.md` shows the floors as a picture.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { groupBy } from '../src/cluster/slots/slot-survey.ts';

/** From the ground up. A folder imports from floors below its own, and from itself; folders of one floor don't know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['src'],
  ['src/spec', 'src/cluster'],
  ['src/plan'],
  ['src/engine', 'src/redis', 'src/secrets', 'src/tls', 'src/host', 'src/image'],
  ['src/proxy'],
  ['src/stack/session'],
  ['src/stack/connect'],
  ['src/stack/observe'],
  ['src/stack/execute'],
  ['src/stack/reconcile'],
  ['src/stack/commands'],
  ['src/stack/doctor'],
  ['src/library'],
  ['src/cli', 'src/api'],
];

/** The command line starts the service. */
const DOORS: readonly (readonly [from: string, to: string])[] = [
  ['src/cli/commands/serve.ts', 'src/api/http/serve.ts'],
  ['src/launch.ts', 'src/cli/program.ts'],
  ['src/index.ts', 'src/library/redis-cluster.ts'],
  ['src/index.ts', 'src/library/cluster-options.ts'],
  ['src/index.ts', 'src/library/connection.ts'],
  ['src/cli.ts', 'src/cli/program.ts'],
];

/** What only these may import. */
const KEPT: readonly (readonly [library: string, folders: readonly string[]])[] = [
  ['dockerode', ['src/engine']],
  // A snippet is a program in a text.
  ['ioredis', ['src/redis', 'src/api/snippets']],
  ['zx', []],
];

/** No input or output, no clock, no chance: what they say follows from what they are given. */
const PURE = new Set(['src/spec', 'src/cluster', 'src/plan']);

const MOST_FILES = 16;
const MOST_LINES = 250;

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sourcesBelow(path) : [path];
  });
}

function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:^(?:import|export|\}) .*from |\bimport\()'([^']+)'/gm);
  return [...found].map(([, name = '']) => name);
}

function floorOf(file: string): { readonly floor: number; readonly room: string } {
  const rooms = FLOORS.flatMap((row, floor) => row.map((room) => ({ floor, room })));
  const inside = rooms.filter(({ room }) => file.startsWith(`${room}/`));
  return inside.toSorted((one, other) => other.room.length - one.room.length)[0] ?? { floor: -1, room: '' };
}

function importProblems(file: string): string[] {
  const own = floorOf(file);
  return importsOf(file).flatMap((name) => {
    if (!name.startsWith('.')) {
      const library = KEPT.find(([kept]) => kept === name);
      const isKept = library?.[1].every((folder) => !file.startsWith(`${folder}/`)) === true;
      const isImpure = PURE.has(own.room) && name.startsWith('node:') && name !== 'node:crypto';
      return isKept || isImpure ? [`${file}: ${name} is not for this folder`] : [];
    }
    const target = relative('.', join(dirname(file), name));
    const other = floorOf(target);
    if (other.room === own.room || other.floor < own.floor) return [];
    return DOORS.some(([from, to]) => from === file && to === target)
      ? []
      : [`${file} imports ${target}, which is above`];
  });
}

function cycles(files: readonly string[]): string[] {
  const edges = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => relative('.', join(dirname(file), name))),
    ]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [`a cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`];
    if (done.has(file)) return [];
    done.add(file);
    return (edges.get(file) ?? []).flatMap((next) => visit(next, [...path, file]));
  };
  return files.flatMap((file) => visit(file, []));
}

function sizeProblems(files: readonly string[]): string[] {
  const full = groupBy(files, dirname).filter((inside) => inside.length > MOST_FILES);
  const lines = (file: string): number => readFileSync(file, 'utf8').split('\n').length - 1;
  const long = files.filter((file) => /\.tsx?$/.test(file) && lines(file) > MOST_LINES);
  return [
    ...full.map(
      ([first = '', ...more]) => `${dirname(first)} holds ${more.length + 1} files, and ${MOST_FILES} are the most`,
    ),
    ...long.map((file) => `${file} has ${lines(file)} lines, and ${MOST_LINES} are the most`),
  ];
}

const all = sourcesBelow('src');
const code = all.filter((file) => /\.tsx?$/.test(file));
const problems = [...code.flatMap(importProblems), ...cycles(code), ...sizeProblems(all)];
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
