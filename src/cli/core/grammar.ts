import { type Argument, Command as Commander, InvalidArgumentError, Option, type OutputConfiguration } from 'commander';
import { version } from '../../version.ts';
import type { Command, Section } from './command.ts';

const DEFAULT_TIMEOUT_SECONDS = 60;
const HELP_HEADING = 'Help:';
const HELP_OPTION = ['-h, --help', 'explain a command and its options'] as const;
const COMMON_HEADING = 'Options of every command:';

interface Surroundings {
  /** What is typed to call it: `npx tsx manage.ts`. */
  readonly program: string;
  readonly output?: OutputConfiguration;
  readonly onCommand?: (command: Command, typed: Commander) => void;
}

/** All that can be typed, as commander's tree: to parse a line, to complete one, to say what is wrong with it. */
export function buildGrammar(
  sections: readonly Section[],
  { program, output = {}, onCommand }: Surroundings,
): Commander {
  const root = new Commander(program)
    .description('A Redis Cluster on the local container engine, as code.')
    .version(version(), '-V, --version', 'print the version of this program')
    .helpOption(...HELP_OPTION)
    .commandsGroup(HELP_HEADING)
    .helpCommand('help [command]', 'the same as --help')
    // Every command has options: it says nothing to repeat that.
    .configureHelp({
      subcommandTerm: (below) => [below.name(), ...below.registeredArguments.map(operandText)].join(' '),
    })
    .configureOutput(output)
    .exitOverride();
  for (const { heading, entries } of sections) {
    for (const entry of entries) {
      const names = entry.name.split(' ');
      const parent = names.length === 1 ? root : commandAt(root, names.slice(0, -1)).command;
      const operands = 'run' in entry ? ` ${entry.operands ?? ''}` : '';
      const target = parent
        .command(`${names.at(-1) ?? ''}${operands}`.trim(), { hidden: 'run' in entry && entry.isHidden === true })
        .description(entry.summary)
        .helpGroup(heading);
      if ('run' in entry) describe(target, entry, program).action(() => onCommand?.(entry, target));
      else target.commandsGroup(HELP_HEADING);
    }
  }
  return root;
}

function describe(target: Commander, command: Command, program: string): Commander {
  const { operands = '', options = {}, passesOn, passesOnRest = false, explanation } = command;
  target.allowExcessArguments(false);
  if (passesOn !== undefined) {
    target.usage(`${operands} [options] ${passesOnRest ? `[--] [${passesOn}]` : `[-- ${passesOn}]`}`.trim());
  }
  if (explanation !== undefined) target.addHelpText('after', `\n${explanation.replaceAll('$0', program)}`);
  // An own one of the same name takes the place of a common one: `serve --host` is where it listens, as everywhere else.
  for (const [flags, summary] of Object.entries(options))
    target.addOption(new Option(flags, summary).helpGroup('Options:'));
  target.optionsGroup(COMMON_HEADING).helpOption(...HELP_OPTION);
  for (const [flags, summary] of Object.entries(COMMON_OPTIONS)) {
    if (flags in options) continue;
    const option = new Option(flags, summary);
    target.addOption(flags === TIMEOUT ? option.argParser(parseSeconds).default(DEFAULT_TIMEOUT_SECONDS) : option);
  }
  return target;
}

/** The command that words lead to, as far as they are names of commands. */
export function commandAt(
  root: Commander,
  words: readonly string[],
): { readonly command: Commander; readonly path: readonly string[] } {
  const [first, ...others] = words;
  const below = root.commands.find((one) => one.name() === first);
  if (first === undefined || below === undefined) return { command: root, path: [] };
  const { command, path } = commandAt(below, others);
  return { command, path: [first, ...path] };
}

/** The option that a word is, `--file=a.yaml` included. */
export function optionOf({ options }: Commander, word: string): Option | undefined {
  const [flag = ''] = word.split('=');
  return options.find((option) => option.long === flag || option.short === flag);
}

function operandText(operand: Argument): string {
  const text = `${operand.name()}${operand.variadic ? '...' : ''}`;
  return operand.required ? `<${text}>` : `[${text}]`;
}

export const HOST = '--host <address>';
const TIMEOUT = '--timeout <seconds>';
const COMMON_OPTIONS = {
  '-f, --file <file>':
    'the stack as YAML (default: REDIS_CLUSTER_FILE, the nearest redis-cluster.yaml from here up, infra/dev-services.yaml of the checkout)',
  [HOST]: 'the container engine, as in DOCKER_HOST',
  '--offline': "don't ask Vault: take the password that the stack's own containers hold, or fail",
  [TIMEOUT]: 'the longest that any wait may take',
  '-y, --yes': 'answer yes to every question',
  '-q, --quiet': 'no progress, and nothing when a change succeeds; errors and what was asked for are still printed',
  '--json': 'only JSON on stdout',
};

function parseSeconds(text: string): number {
  const seconds = Number(text);
  const longest = 24 * 60 * 60;
  if (!(seconds > 0 && seconds <= longest)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return seconds;
}
