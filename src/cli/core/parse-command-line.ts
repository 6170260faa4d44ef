import { Command as Commander, CommanderError, InvalidArgumentError } from 'commander';
import type { Command, Typed } from './command.ts';
import type { Terminal } from './terminal.ts';

export interface Parsed extends Typed {
  readonly command: Command;
  readonly file: string | undefined;
  readonly host: string | undefined;
  readonly offline: boolean;
  readonly timeoutMs: number;
}

const DEFAULT_TIMEOUT_SECONDS = 60;

/** What was typed, or the exit code where there is nothing to run: help was shown, or it can't be understood. */
export async function parseCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  { stdout, stderr, program: name }: Terminal & { readonly program: string },
): Promise<Parsed | { readonly exitCode: number }> {
  // What is behind `--` is another program's business, and may look like anything.
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const passedOn = separator === -1 ? [] : argv.slice(separator + 1);

  let parsed: Parsed | undefined;
  const program = new Commander(name)
    .description('A Redis Cluster on the local container engine, as code.')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .showHelpAfterError(`(${name} --help lists the commands)`);
  for (const command of commands) {
    const [first = '', below] = command.name.split(' ');
    const parent =
      below === undefined ? program : (program.commands.find((one) => one.name() === first) ?? program.command(first));
    const target = parent
      .command(`${below ?? first} ${command.operands ?? ''}`.trim(), { hidden: command.isHidden === true })
      .description(command.summary)
      .allowExcessArguments(false);
    if (command.passesOn !== undefined) target.usage(`${command.operands ?? ''} [-- ${command.passesOn}]`);
    // `serve --host` is where it listens, as everywhere else; its engine is that of DOCKER_HOST.
    const hasOwnHost = command.options?.[HOST] !== undefined;
    // Its own ones come first in the help, and say what they are for.
    const options = { ...command.options, ...COMMON_OPTIONS, ...command.options };
    for (const [flags, summary] of Object.entries(options)) {
      if (flags.startsWith('--timeout')) target.option(flags, summary, parseSeconds, DEFAULT_TIMEOUT_SECONDS);
      else target.option(flags, summary);
    }
    target.action(() => {
      const { file, host, json, offline, timeout, ...others } = target.opts<CommonValues>();
      const values = { file, json: json === true, offline: offline === true, timeoutMs: timeout * 1000 };
      const hosts = hasOwnHost ? { host: undefined, options: { ...others, host } } : { host, options: others };
      parsed = { command, operands: target.args, passedOn, ...values, ...hosts };
    });
  }
  try {
    await program.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 };
    throw error;
  }
  if (parsed === undefined) return { exitCode: 2 };
  if (passedOn.length > 0 && parsed.command.passesOn === undefined) {
    stderr.write(`error: ${parsed.command.name} takes nothing behind --\n`);
    return { exitCode: 2 };
  }
  return parsed;
}

interface CommonValues extends Record<string, string | number | boolean | readonly string[] | undefined> {
  file?: string;
  host?: string;
  json?: boolean;
  offline?: boolean;
  timeout: number;
}

const HOST = '--host <address>';
const COMMON_OPTIONS = {
  '-f, --file <file>':
    'the stack as YAML (default: REDIS_CLUSTER_FILE, the nearest redis-cluster.yaml from here up, infra/dev-services.yaml of the checkout)',
  [HOST]: 'the container engine, as in DOCKER_HOST',
  '--offline': "don't ask Vault: take the password that the stack's own containers hold, or fail",
  '--timeout <seconds>': 'the longest that any wait may take',
  '--json': 'only JSON on stdout',
};

function parseSeconds(text: string): number {
  const seconds = Number(text);
  const longest = 24 * 60 * 60;
  if (!(seconds > 0 && seconds <= longest)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return seconds;
}
