import type { Command as Commander, CommanderError } from 'commander';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { commandAt, optionOf } from './grammar.ts';

/**
 * What can't be understood, with what was probably meant, as the next command to type. Only the one word is repeated: a
 * line may hold a password.
 */
export function usageError(error: CommanderError, typed: readonly string[], root: Commander): StackError {
  const [first = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
  const { command, path } = commandAt(root, typed);
  const [, word = ''] = /'([^'=]*)/.exec(first) ?? [];
  const [, list = ''] = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(suggestion) ?? [];
  const similar = list === '' ? [] : list.split(', ');
  const help = [...path, '--help'];
  switch (error.code) {
    case 'commander.unknownCommand': {
      const elsewhere = leaves(root).filter(({ names }) => names.at(-1) === word);
      const meant = elsewhere.length > 0 ? elsewhere.map(({ names }) => names) : similar.map((name) => [...path, name]);
      const [only = help] = meant.length === 1 ? meant : [];
      const isGroup = commandAt(root, only).command.commands.length > 0;
      return failure(
        `unknown command '${word}'`,
        meant.map(textOf),
        isGroup && only !== help ? [...only, '--help'] : only,
      );
    }
    case 'commander.unknownOption': {
      const option = similar.length === 1 ? optionOf(command, similar[0] ?? '') : undefined;
      const next = option === undefined ? help : [...path, option.flags.replace(/^-\w, /, '')];
      const owners = leaves(root).filter((leaf) => optionOf(leaf.command, word) !== undefined);
      const message = `unknown option '${word}'`;
      if (similar.length > 0 || owners.length === 0) return failure(message, similar, next);
      if (command === root) return failure(`'${word}' stands behind the command, not before it`, [], next);
      return failure(`${message}: it is one of ${owners.map(({ names }) => textOf(names)).join(', ')}`, [], next);
    }
    default:
      return failure(first, [], help);
  }
}

function failure(message: string, meant: readonly string[], next: readonly string[]): StackError {
  const question = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`;
  return new StackError('USAGE', { message: `${message}${question}`, hint: run(textOf(next)) });
}

function textOf(words: readonly string[]): string {
  return words.join(' ');
}

/** All commands that do something. */
function leaves(command: Commander, names: readonly string[] = []): { names: readonly string[]; command: Commander }[] {
  const below = command.commands.flatMap((one) => leaves(one, [...names, one.name()]));
  return below.length === 0 ? [{ names, command }] : below;
}
