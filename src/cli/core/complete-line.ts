import { readFile } from 'node:fs/promises';
import type { Argument, Command as Commander, Option } from 'commander';
import { parseSpec } from '../../spec/parse.ts';
import { stackFile } from '../../stack/session/stack-file.ts';
import type { Section } from './command.ts';
import { buildGrammar, optionOf } from './grammar.ts';
import type { Terminal } from './terminal.ts';

/** What may stand in place of the last word: of one of these, or a file. */
interface Offers {
  readonly offers: readonly Offer[];
  readonly files?: boolean;
}

interface Offer {
  readonly value: string;
  readonly summary?: string;
}

const NONE: Offers = { offers: [] };

/** What an operand or an option takes, by the word in its brackets. */
const NODES = new Set(['node', 'nodes', 'primary', 'replica']);
const FILES = new Set(['file', 'folder']);

/** What the shell scripts understand, which are those of @bomb.sh/tab: no file names, unless they are wanted. */
const DIRECTIVES = { files: ':0', noFiles: ':4' };

/**
 * Answers a shell that asks for completions of a line: one a line, with its description behind a tab. Reads the stack's
 * file, and nothing else; whatever is wrong with it, there are no node names then.
 */
export async function completeLine(
  words: readonly string[],
  sections: readonly Section[],
  { stdout, env, checkout, program }: Terminal & { readonly checkout: string | undefined; readonly program: string },
): Promise<number> {
  const { offers, files = false } = await offersFor(words, buildGrammar(sections, { program }), async (named) => {
    // The shell hands over what was typed, not what it would make of it.
    const file = named?.replace(/^~(?=\/)/, () => env['HOME'] ?? '~');
    const read = async (): Promise<string> => readFile(stackFile({ file, env, checkout }), 'utf8');
    const result = parseSpec(await read().catch(() => ''));
    return 'spec' in result ? result.spec.nodes.map(({ name }) => name) : [];
  });
  const lines = offers.map(({ value, summary = '' }) => `${value}\t${summary}\n`);
  stdout.write(`${lines.join('')}${files ? DIRECTIVES.files : DIRECTIVES.noFiles}\n`);
  return 0;
}

/** @param nodeNames of the stack in this file, or of the one that applies without */
export async function offersFor(
  words: readonly string[],
  root: Commander,
  nodeNames: (file: string | undefined) => Promise<readonly string[]>,
): Promise<Offers> {
  const { before, last } = splitLast(words);
  if (before.includes('--')) return NONE;
  const { command, operands, pending, file } = follow(root, before);

  const valuesOf = async (what: Option | Argument, typed: string, given: readonly string[]): Promise<Offers> => {
    const [, name = ''] = /[<[](.*?)(?:\.\.\.)?[>\]]/.exec('flags' in what ? what.flags : `<${what.name()}>`) ?? [];
    if (FILES.has(name)) return { offers: [], files: true };
    if (NODES.has(name)) return beginningWith(typed, nodes(await nodeNames(file), typed, name === 'nodes', given));
    return beginningWith(typed, name.includes('|') ? name.split('|').map((value) => ({ value })) : []);
  };

  if (pending !== undefined) return valuesOf(pending, last, []);
  const [, flag, value] = /^(--[^=]+)=(.*)$/.exec(last) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = optionOf(command, flag);
    return option === undefined ? NONE : valuesOf(option, value, []);
  }
  if (last.startsWith('-')) {
    const visible = command.createHelp().visibleOptions(command);
    return beginningWith(
      last,
      visible.map(({ long, description }) => ({ value: long ?? '', summary: description })),
    );
  }
  if (operands.length === 0 && command.commands.length > 0) {
    const visible = command.createHelp().visibleCommands(command);
    return beginningWith(
      last,
      visible.map((below) => ({ value: below.name(), summary: below.description() })),
    );
  }
  const { registeredArguments } = command;
  const operand = registeredArguments[operands.length] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return operand === undefined ? NONE : valuesOf(operand, last, operands);
}

/** bash takes `--to=redis-1` apart at the `=`. */
function splitLast(words: readonly string[]): { readonly before: readonly string[]; readonly last: string } {
  const whole: string[] = [];
  for (const [index, word] of words.entries()) {
    const isPart = word === '=' || words[index - 1] === '=';
    if (isPart && whole.length > 0) whole.push(`${whole.pop() ?? ''}${word}`);
    else whole.push(word);
  }
  return { before: whole.slice(0, -1), last: whole.at(-1) ?? '' };
}

/** Where the words before the last one lead: the command, its operands so far, and the option that waits for its value. */
function follow(root: Commander, before: readonly string[]): Followed {
  let command = root;
  let pending: Option | undefined;
  let file: string | undefined;
  const operands: string[] = [];
  for (const word of before) {
    if (pending !== undefined) {
      if (pending.long === '--file') file = word;
      pending = undefined;
      continue;
    }
    const option = optionOf(command, word);
    const [, value] = /=(.*)$/.exec(word) ?? [];
    if (option?.long === '--file') file = value;
    if (option !== undefined) pending = option.required && value === undefined ? option : undefined;
    else if (word.startsWith('-')) continue;
    else {
      const below = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (below === undefined) operands.push(word);
      else command = below;
    }
  }
  return { command, operands, pending, file };
}

interface Followed {
  readonly command: Commander;
  readonly operands: readonly string[];
  readonly pending: Option | undefined;
  readonly file: string | undefined;
}

/** In a list with commas between them, what is before the last comma stays. */
function nodes(names: readonly string[], typed: string, isList: boolean, given: readonly string[]): Offer[] {
  const begun = isList ? typed.slice(0, typed.lastIndexOf(',') + 1) : '';
  const used = new Set([...given, ...begun.split(',')]);
  return names.filter((name) => !used.has(name)).map((name) => ({ value: `${begun}${name}` }));
}

function beginningWith(typed: string, offers: readonly Offer[]): Offers {
  return { offers: offers.filter(({ value }) => value.startsWith(typed)) };
}
