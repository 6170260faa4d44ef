import { errorMessage, StackError } from '../../errors.ts';
import type { Hint, RenderHint } from '../../hint.ts';
import { isLively, painter, type Paint, type Terminal } from './terminal.ts';

/** What came of a command, for a program and for a person. */
export interface Outcome {
  /** What `--json` prints. */
  readonly data: object;
  /** Says the same to a person. */
  readonly show: (screen: Screen) => void | Promise<void>;
  /** 0 where it is not given. */
  readonly exitCode?: number;
}

/** Where a person reads: stdout, and the kinds of lines that all commands print. */
export interface Screen {
  readonly paint: Paint;
  /** A terminal, with room for a picture. */
  readonly isLively: boolean;
  readonly renderHint: RenderHint;
  readonly line: (text?: string) => void;
  readonly good: (text: string) => void;
  readonly bad: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly next: (hint: Hint) => void;
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => Promise<void>;
}

/** @returns the exit code */
export async function showOutcome(
  { data, show, exitCode = 0 }: Outcome,
  json: boolean,
  terminal: Terminal,
  renderHint: RenderHint,
): Promise<number> {
  if (json) terminal.stdout.write(`${jsonText(data)}\n`);
  else await show(screenOn(terminal, renderHint));
  return exitCode;
}

export function jsonText(data: object): string {
  return JSON.stringify(data, null, 2);
}

export function screenOn({ stdout, env }: Terminal, renderHint: RenderHint): Screen {
  const paint = painter(stdout, env);
  const line = (text = ''): void => void stdout.write(`${text}\n`);
  return {
    paint,
    isLively: isLively(stdout, env),
    renderHint,
    line,
    good: (text) => line(`${paint('green', '✓')} ${text}`),
    bad: (text) => line(`${paint('red', '✗')} ${text}`),
    warn: (text) => line(`${paint('yellow', '!')} ${text}`),
    next: (hint) => line(`Next: ${renderHint(hint)}`),
    table: async (head, rows) => line(await table(head, rows)),
  };
}

/**
 * The one place where an error becomes text.
 *
 * @returns the exit code
 */
export function showFailure(
  error: unknown,
  json: boolean,
  { stdout, stderr, env }: Terminal,
  renderHint: RenderHint,
): number {
  if (!(error instanceof StackError)) {
    const message = errorMessage(error);
    stderr.write(`This is a bug of this program:\n${(error instanceof Error ? error.stack : undefined) ?? message}\n`);
    if (json) stdout.write(`${jsonText({ error: { code: 'BUG', message } })}\n`);
    return 1;
  }
  const { code, message, details, exitCode } = error;
  const hint = error.hint === undefined ? undefined : renderHint(error.hint);
  if (json) {
    stdout.write(`${jsonText({ error: { code, message, hint, details } })}\n`);
    return exitCode;
  }
  const paint = painter(stderr, env);
  stderr.write(`${paint('red', `✗ ${message}`)} ${paint('dim', `[${code}]`)}\n`);
  for (const line of details) stderr.write(`    ${line}\n`);
  if (hint !== undefined) stderr.write(`  → ${hint}\n`);
  return exitCode;
}

const NO_LINES = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle'
    .split(' ')
    .map((name) => [name, '']),
);

/** Columns with two spaces between them and no lines around: it reads well and can be cut with awk. */
export async function table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const lines = new Table({
    head: head.map((title) => title.toUpperCase()),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: NO_LINES,
  });
  lines.push(...rows.map((row) => [...row]));
  return lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
