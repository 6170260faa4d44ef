/** Stack descriptions as nobody would write them, and what has to hold for each of them. */
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { StackError } from '../../src/errors.ts';
import { planText } from '../../src/plan/model/action.ts';
import { findConflicts } from '../../src/plan/engine/conflicts.ts';
import { needsData, planUp } from '../../src/plan/engine/plan-up.ts';
import { initialNodeTable, redisConf } from '../../src/plan/node/redis-config.ts';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { parseSpec } from '../../src/spec/parse.ts';
import { checkRedisConf } from '../../src/spec/redis-conf.ts';
import { checkStackText } from '../../src/stack/session/load.ts';
import { NOTHING, specText, wantedFor } from './builders.ts';

/**
 * @param files texts of real stack descriptions, from which others are made
 * @param most how often a treacherous piece is repeated
 */
export function yamlDocuments(files: readonly string[], most = 20_000): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 5, arbitrary: mutatedValues() },
    { weight: 4, arbitrary: mutatedTexts(files) },
    { weight: 2, arbitrary: splicedTexts(files) },
    { weight: 2, arbitrary: treacherousTexts(most) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
    { weight: 1, arbitrary: fc.anything().map((value) => safeJson(value)) },
  );
}

export interface Tally {
  documents: number;
  valid: number;
  invalid: number;
  problems: number;
  longestMs: number;
}

export function newTally(): Tally {
  return { documents: 0, valid: 0, invalid: 0, problems: 0, longestMs: 0 };
}

/** Of the processor's time: others may keep it busy. It is about twice what the worst of 256 KiB takes. */
const LONGEST_MS = 2000;

/** Throws where a document ends in anything but a Spec that can be planned with, or a list of problems at their places. */
export function checkDocument(text: string, tally: Tally): void {
  const start = process.cpuUsage();
  const result = parseSpec(text);
  const { user, system } = process.cpuUsage(start);
  const ms = (user + system) / 1000;
  tally.documents += 1;
  tally.longestMs = Math.max(tally.longestMs, ms);
  if (ms > LONGEST_MS) throw new Error(`took ${ms} ms`);
  if ('spec' in result) {
    const { spec } = result;
    checkStackText('/stack.yaml', text);
    const wanted = wantedFor(spec);
    if (planUp(spec, wanted, { ...NOTHING, data: new Map(spec.nodes.map(({ name }) => [name, 'empty'])) }).length === 0)
      throw new Error('nothing to do for a new stack');
    planText(planUp(spec, wanted, NOTHING));
    needsData(spec, wanted, NOTHING);
    findConflicts(spec.name, wanted, NOTHING);
    for (const node of spec.nodes.slice(0, 3)) {
      redisConf(spec, node);
      parseNodeTable(initialNodeTable(spec, node));
    }
    JSON.stringify([...wanted.containers.values()]);
    tally.valid += 1;
  } else {
    const { problems } = result;
    if (problems.length === 0) throw new Error('neither a spec nor a problem');
    const lineCount = text.split(/\r\n?|\n/).length;
    for (const { line, column, message } of problems) {
      const isPlace = Number.isSafeInteger(line) && Number.isSafeInteger(column) && line >= 1 && column >= 1;
      if (!isPlace || line > lineCount + 1 || column > text.length + 1)
        throw new Error(`no place of ${lineCount} lines: ${line}:${column}`);
      if (message === '') throw new Error('a problem without words');
    }
    requireSpecInvalid(text);
    tally.invalid += 1;
    tally.problems += problems.length;
  }
}

function requireSpecInvalid(text: string): void {
  try {
    checkStackText('/stack.yaml', text);
  } catch (error) {
    if (error instanceof StackError && error.code === 'SPEC_INVALID' && error.details.length > 0) return;
    throw error;
  }
  throw new Error('problems, and nothing was thrown');
}

/** The same for a redis.conf. */
export function checkConf(text: string): void {
  for (const { line, column, message } of checkRedisConf(text)) {
    if (!(line >= 1 && line <= text.split('\n').length && column >= 1)) throw new Error(`no place: ${line}:${column}`);
    if (message === '') throw new Error('a problem without words');
  }
}

/** Lines of a redis.conf, some of which are the program's own business. */
export function redisConfs(): fc.Arbitrary<string> {
  const word = fc.oneof(
    fc.constantFrom(
      'port',
      'PORT',
      '  bind',
      'tls-port',
      'cluster-enabled',
      '__proto__',
      'constructor',
      'save',
      '#',
      '"',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const line = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '));
  const end = fc.constantFrom('\n', '\r\n', '\r', '\0', '\n\n');
  return fc.tuple(fc.array(line, { maxLength: 20 }), end).map(([lines, ending]) => lines.join(ending));
}

/** A good document, of which some values are something else. */
function mutatedValues(): fc.Arbitrary<string> {
  const shapes = fc.record({
    primaries: fc.constantFrom(3, 3, 3, 5, 12),
    replicas: fc.constantFrom(0, 0, 1, 2),
    secrets: fc.constantFrom({}, { provider: 'vault', path: 'a/b' }),
    tls: fc.constantFrom({}, { plain: false }, { issuer: 'files', ca: 'a', certificate: 'b', key: 'c' }),
  });
  const change = fc.record({
    at: fc.nat(10_000),
    what: fc.constantFrom('replace', 'remove', 'add', 'rename'),
    value: oddValues(),
  });
  return fc
    .tuple(shapes, fc.array(change, { maxLength: 4 }), fc.constantFrom('json', 'yaml', 'crlf', 'bom', 'tabs'))
    .map(([shape, changes, form]) => {
      const document: unknown = JSON.parse(specText(shape));
      for (const one of changes) mutate(document, one);
      if (form === 'json') return safeJson(document);
      const text = safeYaml(document);
      if (form === 'crlf') return text.replaceAll('\n', '\r\n');
      if (form === 'bom') return `\uFEFF${text}`;
      return form === 'tabs' ? text.replaceAll('  ', '\t') : text;
    });
}

function oddValues(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      '',
      ' ',
      0,
      -1,
      -0,
      1.5,
      1e308,
      Number.MAX_SAFE_INTEGER + 2,
      '0x1F',
      '0o17',
      '010.020.0.13',
      '172.20.0.0/33',
      '172.20.0.0/28',
      '0.0.0.0/8',
      '255.255.255.255/32',
      '255.255.255.0/24',
      '172.20.0.13',
      '::1',
      '1e3',
      '12:30:45',
      '2024-01-01',
      '99999999999999999999gb',
      '0mb',
      'x'.repeat(5000),
      '\u0000',
      '\u202E\uD800',
      '__proto__',
      'constructor',
      'vault',
      'files',
      [],
      {},
      [[[[[]]]]],
    ),
    fc.integer(),
    fc.double(),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.jsonValue({ maxDepth: 3 }),
    fc.ipV4(),
    fc.ipV4Extended(),
  );
}

interface Change {
  readonly at: number;
  readonly what: string;
  readonly value: unknown;
}

function mutate(document: unknown, { at, what, value }: Change): void {
  const places = placesOf(document);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return;
  const { parent, key } = place;
  const former: unknown = Reflect.get(parent, key);
  if (what === 'replace') define(parent, key, value);
  else if (what === 'add') define(parent, typeof value === 'string' ? value : `${key}x`, value);
  else Reflect.deleteProperty(parent, key);
  if (what === 'rename') define(parent, typeof value === 'string' ? value : key.toUpperCase(), former);
}

/** Also a key that means something else where it is assigned: `__proto__`. */
function define(parent: object, key: string, value: unknown): void {
  Reflect.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function placesOf(value: unknown): { readonly parent: object; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((key) => [
    { parent: value, key },
    ...placesOf(Object.getOwnPropertyDescriptor(value, key)?.value),
  ]);
}

/** A real text with pieces taken out, doubled, or replaced by what YAML gives a meaning. */
function mutatedTexts(files: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...MEANINGFUL),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.nat(255).map((byte) => String.fromCodePoint(byte)),
  );
  const edit = fc.record({ at: fc.nat(100_000), length: fc.constantFrom(0, 0, 1, 1, 2, 5, 30), piece });
  return fc.tuple(fc.constantFrom(...files), fc.array(edit, { minLength: 1, maxLength: 6 })).map(([file, edits]) => {
    let text = file;
    for (const { at, length, piece: put } of edits) {
      const start = at % (text.length + 1);
      text = text.slice(0, start) + put + text.slice(start + length);
    }
    return text;
  });
}

const MEANINGFUL = [
  ...'\t\r\n\0\u0007\u001B\u0085\u2028\uFEFF\uD800&*!|>%@`#?:-[]{},"\'~='.split(''),
  '\r\n',
  '\n---\n',
  '\n...\n',
  '\n%YAML 1.1\n---\n',
  '\n%TAG ! tag:x,2000:\n---\n',
  '&a ',
  '*a',
  '<<: *a\n',
  '<<: {name: x}\n',
  '!!binary ',
  '!!set ',
  '!!omap ',
  '!!timestamp ',
  '!!js/function ',
  '!<tag:x> ',
  '? ',
  '? [a, b]\n: c\n',
  '.nan',
  '.inf',
  '0x1F',
  '0o17',
  '017',
  '1_000',
  '12:30',
  '2024-01-01',
  '-0',
  '1e999',
  '__proto__: {x: 1}\n',
  'name: again\n',
  'name: &a dev\n',
] as const;

function splicedTexts(files: readonly string[]): fc.Arbitrary<string> {
  const cut = fc.tuple(fc.constantFrom(...files), fc.nat(100_000), fc.nat(400)).map(([file, at, length]) => {
    const start = at % (file.length + 1);
    return file.slice(start, start + length);
  });
  return fc.array(cut, { minLength: 2, maxLength: 6 }).map((cuts) => cuts.join(''));
}

/** What takes a careless parser long, or its stack. */
function treacherousTexts(most: number): fc.Arbitrary<string> {
  const depth = fc.constantFrom(10, 100, 1000, 5000, 20_000).map((count) => Math.min(count, most));
  return fc.oneof(
    depth.map((count) => '['.repeat(count)),
    depth.map((count) => `${'['.repeat(count)}${']'.repeat(count)}`),
    depth.map((count) => '{a: '.repeat(count)),
    depth.map((count) => '- '.repeat(count)),
    depth.map((count) => '? '.repeat(count)),
    fc
      .constantFrom(10, 100, 300)
      .map((count) => Array.from({ length: count }, (_, index) => `${' '.repeat(index)}a:`).join('\n')),
    fc.nat(12).map(billionLaughs),
    depth.map((count) => `name: ${'x'.repeat(count * 12)}`),
    depth.map((count) => Array.from({ length: count }, (_, index) => `k${index}: 1`).join('\n')),
    depth.map((count) => 'name: dev\n'.repeat(count)),
    depth.map(
      (count) => `redis: {nodes: {${Array.from({ length: count }, (_, index) => `n${index}: {}`).join(', ')}}}`,
    ),
    depth.map((count) => `${'&a '.repeat(count)}x`),
    depth.map((count) => '"'.repeat(count)),
    depth.map((count) => `a: "${'\\'.repeat(count)}`),
    depth.map((count) => `a: |\n${' \n'.repeat(count)}`),
    depth.map((count) => `a: ${'#'.repeat(count)}`),
    depth.map((count) => '\n'.repeat(count)),
    depth.map((count) => '---\n'.repeat(count)),
    depth.map((count) => `!${'a'.repeat(count)} x`),
    depth.map((count) => `a${' '.repeat(count)}: b`),
    depth.map((count) => '\t'.repeat(count)),
    depth.map((count) => '*a '.repeat(count)),
    depth.map((count) => `a: &a [${'*a,'.repeat(count)}]`),
    fc.constant('a: &a\n  b: *a\n'),
    fc.constant('x'.repeat(256 * 1024 + 1)),
    fc.constant('[,'.repeat(most * 5)),
    fc.constant('a:\n'.repeat(most * 4)),
    fc.constant(`name: dev\n${'- a\n'.repeat(most * 3)}`),
  );
}

function billionLaughs(levels: number): string {
  const lines = Array.from({ length: levels }, (_, level) => {
    const items =
      level === 0 ? Array.from({ length: 9 }, () => 'ha') : Array.from({ length: 9 }, () => `*l${level - 1}`);
    return `l${level}: &l${level} [${items.join(', ')}]`;
  });
  return `${lines.join('\n')}\nname: *l${Math.max(0, levels - 1)}\n`;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

function safeYaml(value: unknown): string {
  try {
    return stringify(value);
  } catch {
    return safeJson(value);
  }
}
