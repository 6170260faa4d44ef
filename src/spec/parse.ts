import { Lexer, LineCounter, parseDocument, Parser, type YAMLError } from 'yaml';
import { checkDocument } from './rules.ts';
import { specSchema, type Finding } from './schema.ts';
import { findShapeProblems, samePath } from './shape-findings.ts';
import { toSpec, type Spec } from './spec.ts';
import { findUnfitKey, findUnmergeable, hasMoreAliases, offsetOf, repeatedKeys } from './yaml-document.ts';

/** Something in a file that has to be changed. Lines and columns count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

type ParseResult = { readonly spec: Spec } | { readonly problems: readonly Problem[] };

const MOST_CHARACTERS = 256 * 1024;
/** Characters, words and spaces that mean something. A thousand nodes are 50,000; more takes seconds to read. */
const MOST_TOKENS = 60_000;
/** A stack description has six. What reads a document calls itself once a level, and the stack has an end. */
const MOST_LEVELS = 100;
const MOST_ALIASES = 100;
const MOST_SYNTAX_ERRORS = 20;
/** Nobody reads more of them, and to find the place of each takes its time. */
const MOST_PROBLEMS = 100;

/** YAML text → Spec, or every problem at once. Never throws, whatever the text. */
export function parseSpec(text: string): ParseResult {
  if (text.length > MOST_CHARACTERS) return wholeFile('the file is larger than 256 KiB: it is no stack description');
  const excess = findExcess(text);
  if (excess !== undefined) return wholeFile(`the file has more than ${excess}: it is no stack description`);
  const lines = new LineCounter();
  const positionAt = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: Math.max(col, 1) };
  };
  try {
    // Without a word on stderr of its own about keys that are no text: they are unknown ones.
    const options = {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'error',
      merge: true,
    } as const;
    const document = parseDocument(text, options);
    const variable = VARIABLE.exec(text);
    if (variable !== null) {
      const [before = '', name = ''] = variable.slice(1);
      const message = `${name} is not replaced: this file has no variables`;
      return { problems: [{ ...positionAt(variable.index + before.length), message, hint: 'write the value itself' }] };
    }
    // Behind a syntax error nothing is what its author meant. A key that stands twice hides nothing else.
    if (document.errors.length > 0) {
      const first = document.errors.slice(0, MOST_SYNTAX_ERRORS);
      return { problems: first.map(({ pos, ...error }) => ({ ...positionAt(pos[0]), ...syntaxText(error) })) };
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
    const unmergeable = findUnmergeable(document);
    if (unmergeable !== undefined) {
      return { problems: [{ ...positionAt(unmergeable), message: '<< must be a map, or a list of maps' }] };
    }
    const value: unknown = withoutOwnKeys(document.toJS({ maxAliasCount: MOST_ALIASES }));
    const result = specSchema.safeParse(value, { jitless: true });
    const findings = result.success ? checkDocument(result.data) : findShapeProblems(value, result.error.issues);
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
    // An alias bomb: nobody's honest stack description.
    const message = error instanceof Error ? error.message : String(error);
    return wholeFile(`the file can't be read: ${message}`, 'write it without aliases');
  }
}

/** `${NAME}` before any comment of its line, as other tools replace it. */
const VARIABLE = /^([^#\n]*?)(\$\{\w[^}\n]{0,99}\})/m;

function syntaxText({ code, message }: Pick<YAMLError, 'code' | 'message'>): Pick<Problem, 'message' | 'hint'> {
  if (code !== 'MULTIPLE_DOCS') return { message };
  return { message: 'a second document begins here, and a stack file is one', hint: 'make it a file of its own' };
}

/** `x-…` are its author's, for what is merged into others, as in Compose. */
function withoutOwnKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('x-')));
}

function wholeFile(message: string, hint?: string): ParseResult {
  return { problems: [{ line: 1, column: 1, message, hint }] };
}

function problemText({ path, message, hint }: Finding): Pick<Problem, 'message' | 'hint'> {
  const where = path.length === 0 ? 'the file ' : `${path.map(String).join('.')}: `;
  return { message: `${where}${message}`, hint };
}

/** What there is too much of, found without reading more than that. */
function findExcess(text: string): string | undefined {
  const parser = new Parser();
  let count = 0;
  for (const token of new Lexer().lex(text)) {
    if (token !== '') count += 1;
    if (count > MOST_TOKENS) return `${MOST_TOKENS} signs and words`;
    Array.from(parser.next(token));
    if (parser.stack.length > MOST_LEVELS) return `${MOST_LEVELS} levels`;
  }
  return undefined;
}
