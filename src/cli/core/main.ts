import { hintRenderer, type RenderHint } from '../../hint.ts';
import { openByLabel, openEngine, openSession, type ConnectionOptions } from '../../stack/session/open.ts';
import type { Report } from '../../stack/session/session.ts';
import { SECTIONS } from '../commands.ts';
import { isFoundUnnamed } from '../../stack/session/stack-file.ts';
import type { Command, Invocation, Typed } from './command.ts';
import { completeLine } from './complete-line.ts';
import { showFailure, showOutcome, type Outcome } from './output.ts';
import { parseCommandLine, type Parsed } from './parse-command-line.ts';
import { NO_PROGRESS, startProgress } from '../views/progress.ts';
import { confirm, type Terminal } from './terminal.ts';

export interface Surroundings extends Terminal {
  /** What the person types to call this program: `npx redis-cluster`, `npx tsx manage.ts`. */
  readonly program: string;
  /** The folder of the checkout that it runs from; undefined for the package. */
  readonly checkout: string | undefined;
  /** Aborted by Ctrl-C, with the StackError to end with. */
  readonly signal: AbortSignal;
  /** See `Invocation`. */
  readonly passSignals?: Invocation['passSignals'];
}

/**
 * Runs one command line and gives its exit code: 0 done, 1 failed or unhealthy, 2 usage or YAML, 3 changes pending,
 * 130 and 143 interrupted. Never rejects.
 */
export async function main(argv: readonly string[], terminal: Surroundings): Promise<number> {
  // How the scripts of `completion` ask.
  if (argv[0] === 'complete' && argv[1] === '--') return completeLine(argv.slice(2), SECTIONS, terminal);
  let parsed: Parsed | { readonly exitCode: number };
  try {
    parsed = await parseCommandLine(argv, SECTIONS, terminal);
  } catch (error) {
    const renderHint = hintRenderer({ program: terminal.program, file: undefined, host: undefined });
    return showFailure(error, argv.includes('--json'), terminal, renderHint);
  }
  if ('exitCode' in parsed) return parsed.exitCode;
  const renderHint = renderer(parsed, terminal);
  const progress = parsed.quiet ? NO_PROGRESS : startProgress(terminal);
  try {
    return await run(parsed, terminal, progress, renderHint);
  } catch (error) {
    progress.end();
    return showFailure(error, parsed.json, terminal, renderHint);
  } finally {
    progress.end();
  }
}

async function run(
  { command, file, host, offline, timeoutMs, ...typed }: Parsed,
  terminal: Surroundings,
  progress: ReturnType<typeof startProgress>,
  renderHint: RenderHint,
): Promise<number> {
  const { signal, env, checkout } = terminal;
  const closers: (() => Promise<void>)[] = [];
  const onOpen = (close: () => Promise<void>): void => void closers.push(close);
  const report: Report = ({ hint, text, ...event }) =>
    progress.report({ ...event, text: hint === undefined ? text : `${text}. ${renderHint(hint)}` });
  const connection: ConnectionOptions = { file, host, offline, checkout, timeoutMs, env, signal, report, onOpen };
  try {
    const outcome = await command.run({
      ...typed,
      terminal,
      signal,
      openSession: (needs) =>
        openSession(connection, {
          ...needs,
          exclusive: command.changes === true ? command.name : undefined,
        }),
      connection,
      openByLabel: () => openByLabel(connection),
      openEngine: () => openEngine(connection),
      renderHint,
      confirm: async (question) =>
        typed.options['yes'] === true || (!typed.json && (await confirm(terminal, question, signal))),
      passSignals: terminal.passSignals ?? (() => undefined),
      endProgress: progress.end,
    });
    if (typeof outcome === 'number') return outcome;
    progress.end();
    if (isUntold(outcome, command, typed)) return 0;
    return await showOutcome(outcome, typed.json, terminal, renderHint);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

/** With `--quiet`: that a change succeeded. What somebody asked for is told, a simulation among it, and what failed. */
function isUntold({ exitCode = 0 }: Outcome, { changes, isReport }: Command, { quiet, json, options }: Typed): boolean {
  const isSimulated = options['simulate'] === true || options['dryRun'] === true;
  return quiet && !json && exitCode === 0 && !isSimulated && (changes === true || isReport === true);
}

/** A file that is found all the same need not be named. */
function renderer({ file, host }: Parsed, { program, ...search }: Surroundings): RenderHint {
  const isUnnamed = file === undefined || isFoundUnnamed(file, search);
  return hintRenderer({ program, file: isUnnamed ? undefined : file, host });
}
