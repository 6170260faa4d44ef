import { errorMessage, StackError } from '../../errors.ts';
import { openByLabel, openEngine, openSession, type ConnectionOptions } from '../../stack/session/open.ts';
import { COMMANDS } from '../commands/commands.ts';
import type { Command } from './command.ts';
import { parseCommandLine, type Parsed } from './parse-command-line.ts';
import { startProgress } from '../views/progress.ts';
import { painter, type Terminal } from './terminal.ts';

export interface Surroundings extends Terminal {
  /** The checkout's folder. */
  readonly root: string;
  /** Aborted by Ctrl-C, with the StackError to end with. */
  readonly signal: AbortSignal;
}

/**
 * Runs one command line and gives its exit code: 0 done, 1 failed or unhealthy, 2 usage or YAML, 3 changes pending,
 * 130 and 143 interrupted. Never rejects: this is the one place where an error becomes text.
 */
export async function main(argv: readonly string[], terminal: Surroundings): Promise<number> {
  const parsed = await parseCommandLine(argv, COMMANDS, terminal);
  if ('exitCode' in parsed) return parsed.exitCode;
  const progress = startProgress(terminal);
  try {
    return await run(parsed, terminal, progress);
  } catch (error) {
    progress.end();
    return showFailure(error, parsed.json, terminal);
  } finally {
    progress.end();
  }
}

async function run(
  { command, operands, options, passedOn, json, file, host, offline, timeoutMs }: Parsed & { command: Command },
  terminal: Surroundings,
  progress: ReturnType<typeof startProgress>,
): Promise<number> {
  const { signal, env, root } = terminal;
  const closers: (() => Promise<void>)[] = [];
  const onOpen = (close: () => Promise<void>): void => void closers.push(close);
  const { report } = progress;
  const connection: ConnectionOptions = { file, host, offline, root, timeoutMs, env, signal, report, onOpen };
  try {
    return await command.run({
      operands,
      options,
      passedOn,
      terminal,
      json,
      signal,
      root,
      timeoutMs,
      openSession: (needs) =>
        openSession(connection, { ...needs, exclusive: command.changes === true ? command.name : undefined }),
      connection,
      openByLabel: () => openByLabel(connection),
      openEngine: () => openEngine(connection),
      endProgress: progress.end,
    });
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

function showFailure(error: unknown, json: boolean, { stdout, stderr, env }: Terminal): number {
  if (!(error instanceof StackError)) {
    stderr.write(
      `This is a bug of this program:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ error: { code: 'BUG', message: errorMessage(error) } }, null, 2)}\n`);
    return 1;
  }
  const { code, message, hint, details } = error;
  if (json) {
    stdout.write(`${JSON.stringify({ error: { code, message, hint, details } }, null, 2)}\n`);
    return error.exitCode;
  }
  const paint = painter(stderr, env);
  stderr.write(`${paint('red', `✗ ${message}`)} ${paint('dim', `[${code}]`)}\n`);
  for (const line of details) stderr.write(`    ${line}\n`);
  if (hint !== undefined) stderr.write(`  → ${hint}\n`);
  return error.exitCode;
}
