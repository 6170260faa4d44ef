import { CommanderError, type Command as Commander } from 'commander';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { Command, OptionValues, Section, Typed } from './command.ts';
import { buildGrammar, commandAt, HOST, optionOf } from './grammar.ts';
import type { Terminal } from './terminal.ts';
import { usageError } from './usage-error.ts';

export interface Parsed extends Typed {
  readonly command: Command;
  readonly file: string | undefined;
  readonly host: string | undefined;
  readonly offline: boolean;
  readonly timeoutMs: number;
}

/**
 * What was typed, or the exit code where there is nothing to run because help was shown.
 *
 * @throws StackError USAGE where it can't be understood
 */
export async function parseCommandLine(
  argv: readonly string[],
  sections: readonly Section[],
  terminal: Terminal & { readonly program: string },
): Promise<Parsed | { readonly exitCode: number }> {
  const { stdout, stderr, program } = terminal;
  // What is behind `--` is another program's business, and may look like anything.
  const separator = argv.indexOf('--');
  const beforeSeparator = separator === -1 ? argv : argv.slice(0, separator);
  const passedOn = separator === -1 ? [] : argv.slice(separator + 1);

  let parsed: Parsed | undefined;
  let rest: readonly string[] = [];
  const root = buildGrammar(sections, {
    program,
    // What is wrong is said by `usageError`, with the next command.
    output: {
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => undefined,
    },
    onCommand: (command, target) => {
      const { file, host, json, quiet, offline, timeout, ...others } = target.opts<CommonValues>();
      // `serve --host` is where it listens; its engine is that of DOCKER_HOST.
      const hasOwnHost = command.options?.[HOST] !== undefined;
      parsed = {
        command,
        operands: [...target.args, ...rest],
        passedOn,
        file,
        host: hasOwnHost ? undefined : host,
        options: hasOwnHost ? { ...others, host } : others,
        json: json === true,
        quiet: quiet === true,
        offline: offline === true,
        timeoutMs: timeout * 1000,
      };
    },
  });
  const typed = helpAtTheEnd(beforeSeparator, root);
  const ownCount = countOwnWords(typed, root, sections);
  rest = typed.slice(ownCount);
  try {
    await root.parseAsync(typed.slice(0, ownCount), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { exitCode: 0 };
    if (error.code === 'commander.help') return { exitCode: 2 };
    // commander looks for what is alike with the value still at it.
    const [, flag] = /^error: unknown option '(--[^=]+)=/.exec(error.message) ?? [];
    if (flag === undefined) throw usageError(error, typed, root);
    const withoutValue = argv.map((word) => (word.startsWith(`${flag}=`) ? flag : word));
    return parseCommandLine(withoutValue, sections, terminal);
  }
  if (parsed === undefined) return { exitCode: 2 };
  const { name, passesOn } = parsed.command;
  if (passedOn.length > 0 && passesOn === undefined) {
    const ask = `${name} --help`;
    throw new StackError('USAGE', { message: `${name} takes nothing behind --`, hint: run(ask) });
  }
  return parsed;
}

/** `help cluster reshard` is `cluster reshard --help`. For a word that is no command, commander would explain the others. */
function helpAtTheEnd(typed: readonly string[], root: Commander): readonly string[] {
  const { command, path } = commandAt(root, typed);
  const next = typed[path.length];
  if (command.commands.length === 0 || next === undefined || next.startsWith('-')) return typed;
  if (next !== 'help') return typed.filter((word) => word !== '--help' && word !== '-h');
  const asked = typed.slice(path.length + 1);
  return helpAtTheEnd([...path, ...asked, '--help'], root);
}

/**
 * Of a command that passes on the rest: where that begins. Our options stand before it: one of them in a Redis command
 * may be a word of the user's data, or be meant for us, and with the wrong guess the wrong stack would be written to.
 */
function countOwnWords(typed: readonly string[], root: Commander, sections: readonly Section[]): number {
  const { command: target, path } = commandAt(root, typed);
  const found = sections.flatMap(({ entries }) => entries).find(({ name }) => name === path.join(' '));
  if (found === undefined || !('run' in found) || found.passesOnRest !== true) return typed.length;
  let count = path.length;
  let hasOperand = false;
  for (; count < typed.length; count += 1) {
    const word = typed[count] ?? '';
    const option = optionOf(target, word);
    if (option !== undefined) count += option.required && !word.includes('=') ? 1 : 0;
    // `-h` is redis-cli's host, but for who asks how all this goes.
    else if (word === '--help' || (word === '-h' && count === typed.length - 1)) continue;
    else if (word.startsWith('-') || hasOperand) break;
    else hasOperand = true;
  }
  const misplaced = typed.slice(count).find((word) => optionOf(target, word) !== undefined);
  if (misplaced === undefined) return Math.min(count, typed.length);
  throw new StackError('USAGE', {
    message: `${misplaced.split('=')[0]} stands behind the first word for ${found.name}: it is not clear whom it is for`,
    hint: hint`Before that word it is for this program, behind -- for ${found.name}: ${run('redis-cli redis-1 -f FILE -- GET KEY')}`,
  });
}

interface CommonValues extends Record<string, OptionValues[string]> {
  file?: string;
  host?: string;
  json?: boolean;
  quiet?: boolean;
  offline?: boolean;
  timeout: number;
}
