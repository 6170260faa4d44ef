import { Command as Commander, CommanderError, InvalidArgumentError } from 'commander';
import type { Command, OptionValues } from './command.ts';
import type { Terminal } from './terminal.ts';

export interface Parsed {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly options: OptionValues;
  readonly passedOn: readonly string[];
  readonly json: boolean;
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
  { stdout, stderr }: Terminal,
): Promise<Parsed | { readonly exitCode: number }> {
  // What is behind `--` is another program's business, and may look like anything.
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const passedOn = separator === -1 ? [] : argv.slice(separator + 1);

  let parsed: Parsed | undefined;
  const program = new Commander('npx tsx manage.ts')
    .description('A Redis Cluster on the local container engine, as code.')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .showHelpAfterError('(npx tsx manage.ts --help lists the commands)');
  for (const command of commands) {
    const [name = '', below] = command.name.split(' ');
    const parent =
      below === undefined ? program : (program.commands.find((one) => one.name() === name) ?? program.command(name));
    const target = parent
      .command(`${below ?? name} ${command.operands ?? ''}`.trim())
      .description(command.summary)
      .allowExcessArguments(false);
    if (command.passesOn !== undefined) target.usage(`${command.operands ?? ''} [-- ${command.passesOn}]`);
    const options = command.options ?? [];
    // `serve --host` is where it listens, as everywhere else; its engine is that of DOCKER_HOST.
    const hasOwnHost = options.some(({ flags }) => flags.startsWith('--host '));
    const common = COMMON_OPTIONS.filter(({ flags }) => !(hasOwnHost && flags.startsWith('--host ')));
    for (const { flags, summary } of [...options, ...common]) {
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

const COMMON_OPTIONS = [
  { flags: '-f, --file <file>', summary: 'the stack as YAML (default: infra/dev-services.yaml)' },
  { flags: '--host <address>', summary: 'the container engine, as in DOCKER_HOST' },
  { flags: '--offline', summary: "don't ask Vault: take the password that the stack's own containers hold, or fail" },
  { flags: '--timeout <seconds>', summary: 'the longest that any wait may take' },
  { flags: '--json', summary: 'only JSON on stdout' },
] as const;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  const longest = 24 * 60 * 60;
  if (!(seconds > 0 && seconds <= longest)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return seconds;
}
