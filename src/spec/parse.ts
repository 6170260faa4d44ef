import { isMap, isNode, isScalar, isSeq, Lexer, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { checkDocument, type Finding, type Path } from './rules.ts';
import { specSchema } from './schema.ts';
import { toSpec, type Spec } from './spec.ts';

/** Something in a file that has to be changed. Lines and columns count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

export type ParseResult = { readonly spec: Spec } | { readonly problems: readonly Problem[] };

const MOST_CHARACTERS = 256 * 1024;
/** Characters, words and spaces that mean something. A thousand nodes are 50,000; more takes seconds to read. */
const MOST_TOKENS = 60_000;
const MOST_ALIASES = 100;
const MOST_SYNTAX_ERRORS = 20;
/** Nobody reads more of them, and to find the place of each takes its time. */
const MOST_PROBLEMS = 100;

/** YAML text → Spec, or every problem at once. Never throws, whatever the text. */
export function parseSpec(text: string): ParseResult {
  if (text.length > MOST_CHARACTERS) return wholeFile('the file is larger than 256 KiB: it is no stack description');
  if (hasMoreTokens(text, MOST_TOKENS)) {
    return wholeFile(`the file has more than ${MOST_TOKENS} signs and words: it is no stack description`);
  }
  const lines = new LineCounter();
  const positionAt = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: Math.max(col, 1) };
  };
  try {
    // Without a word on stderr of its own about keys that are no text: they are unknown ones.
    const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' } as const;
    const document = parseDocument(text, options);
    // Behind a syntax error nothing is what its author meant. A key that stands twice hides nothing else.
    if (document.errors.length > 0) {
      const first = document.errors.slice(0, MOST_SYNTAX_ERRORS);
      return { problems: first.map(({ pos, message }) => ({ ...positionAt(pos[0]), message })) };
    }
    const errors = repeatedKeys(document).map((offset) => ({
      ...positionAt(offset),
      message: 'this key stands here twice',
      hint: 'keep one of the two',
    }));

    // The library writes such a key as text, and each key inside it twice: a few dozen inside each other never end.
    const unfit = findUnfitKey(document);
    if (unfit !== undefined) {
      return { problems: [{ ...positionAt(unfit), message: 'a key must be a word', hint: 'write it without ?' }] };
    }
    // Each is looked for in the whole document, so that ten thousand of them take minutes.
    if (hasMoreAliases(document, MOST_ALIASES)) {
      return wholeFile(`the file can't be read: it has more than ${MOST_ALIASES} aliases`, 'write it without aliases');
    }
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    const result = specSchema.safeParse(value);
    const findings = result.success
      ? checkDocument(result.data)
      : [...result.error.issues.flatMap((issue) => toFindings(issue, value)), ...checkRest(value, result.error.issues)];
    const spec = result.success && findings.length + errors.length === 0 ? toSpec(result.data) : undefined;
    if (spec !== undefined) return { spec };
    // Of two nodes of one name only one counts: how many there are is uncertain then.
    const certain = findings.filter(({ path }) => errors.length === 0 || !samePath(path, ['redis', 'nodes']));
    const problems = certain.slice(0, MOST_PROBLEMS).map((finding) => ({
      ...positionAt(offsetOf(document, finding.path)),
      ...problemText(finding),
    }));
    return { problems: [...errors, ...problems].slice(0, MOST_PROBLEMS) };
  } catch (error) {
    // An alias bomb, or nesting too deep for the stack: nobody's honest stack description.
    const message = error instanceof Error ? error.message : String(error);
    return wholeFile(`the file can't be read: ${message}`, 'write it without aliases');
  }
}

function wholeFile(message: string, hint?: string): ParseResult {
  return { problems: [{ line: 1, column: 1, message, hint }] };
}

function hasMoreTokens(text: string, most: number): boolean {
  let count = 0;
  for (const token of new Lexer().lex(text)) {
    if (token !== '') count += 1;
    if (count > most) return true;
  }
  return false;
}

function hasMoreAliases(document: Document, most: number): boolean {
  let count = 0;
  visit(document, {
    Alias: () => {
      count += 1;
      return count > most ? visit.BREAK : undefined;
    },
  });
  return count > most;
}

/** Where the first key begins that is a map, a list or an alias. */
function findUnfitKey(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair: (_key, { key }) => {
      if (key === null || isScalar(key)) return undefined;
      offset = rangeStart(key);
      return visit.BREAK;
    },
  });
  return offset;
}

/** Where a key begins that its map has already. The library compares each with each, and takes long for very many. */
function repeatedKeys(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const text = String(key.value);
        if (seen.has(text)) offsets.push(rangeStart(key));
        seen.add(text);
      }
    },
  });
  return offsets;
}

/**
 * What the rules find in a document that is not all of the right shape: the offending parts are left out, and so are
 * findings that would only follow from that.
 */
function checkRest(value: unknown, issues: readonly z.core.$ZodIssue[]): Finding[] {
  const paths = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  for (const path of paths) removeAt(value, removablePart(path));
  const rest = specSchema.safeParse(value);
  if (!rest.success) return [];
  const isUncertain = ({ path }: Finding): boolean =>
    paths.some(
      (broken) =>
        (samePath(path, ['redis', 'nodes']) && (isUnder(broken, path) || samePath(broken, ['redis', 'replicas']))) ||
        (samePath(path, ['redis', 'maxmemory']) && samePath(broken, ['redis', 'memory'])) ||
        (samePath(path, ['tls', 'issuer']) && broken[0] === 'secrets'),
    );
  return checkDocument(rest.data).filter((finding) => !isUncertain(finding));
}

/** A node goes as a whole, and so does what has its own shape for each of its kinds. */
function removablePart(path: Path): Path {
  const nodeDepth = ['redis', 'nodes', 'name'].length;
  if (isUnder(path, ['redis', 'nodes'])) return path.slice(0, nodeDepth);
  return isUnder(path, ['secrets']) || isUnder(path, ['tls']) ? path.slice(0, 1) : path;
}

function removeAt(value: unknown, path: Path): void {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return;
  if (rest.length === 0) Reflect.deleteProperty(value, key);
  else removeAt(Reflect.get(value, key), rest);
}

function isUnder(path: Path, parent: Path): boolean {
  return path.length > parent.length && samePath(path.slice(0, parent.length), parent);
}

function samePath(one: Path, other: Path): boolean {
  return one.join('.') === other.join('.');
}

function problemText({ path, message, hint }: Finding): Pick<Problem, 'message' | 'hint'> {
  const where = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  return { message: `${where}${message}`, hint };
}

function toFindings(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path, value);
    const hint = known.length === 0 ? undefined : `known here: ${known.join(', ')}`;
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: 'unknown key',
      ...(hint === undefined ? {} : { hint }),
    }));
  }
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ path: issue.path, message: `name ${message}` }));
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const kinds = ('options' in issue ? issue.options : []).filter((option) => option !== undefined && option !== null);
    return [{ path: issue.path, message: `must be one of: ${kinds.map(String).join(', ')}` }];
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  const message = issue.message.replace(/^Invalid input: /, '');
  return [
    { path: issue.path, message: missing ? `is missing (${message.replace(', received undefined', '')})` : message },
  ];
}

/** The keys that the schema knows at a path, for the hint under an unknown one. */
function knownKeys(path: Path, document: unknown): string[] {
  let schema: unknown = specSchema;
  let value = document;
  for (const key of path) {
    schema = kindOf(schema, value);
    if (schema instanceof z.ZodObject) schema = schema.shape[String(key)];
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  schema = kindOf(schema, value);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Of a union the kind that the value is of; where it doesn't say, the first one. */
function kindOf(schema: unknown, value: unknown): unknown {
  const bare = unwrapped(schema);
  if (!(bare instanceof z.ZodDiscriminatedUnion)) return bare;
  const { discriminator } = bare.def;
  const kind: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, discriminator) : undefined;
  const [first] = bare.options;
  return (
    bare.options.find(
      (option) =>
        option instanceof z.ZodObject &&
        option.shape[discriminator] instanceof z.ZodType &&
        option.shape[discriminator].safeParse(kind).success,
    ) ?? first
  );
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
}

/** Where the key at `path` begins; for a key that is missing, where the map begins that should hold it. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node);
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = rangeStart(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = rangeStart(node) || offset;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
