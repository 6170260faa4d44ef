import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import packageJson from '../../../../package.json' with { type: 'json' };
import { SECTIONS } from '../../../../src/cli/commands.ts';
import { parseCommandLine, type Parsed } from '../../../../src/cli/core/parse-command-line.ts';
import { StackError } from '../../../../src/errors.ts';
import { asTold, PROGRAM } from '../../../helpers/hint-text.ts';

async function typed(line: string): Promise<{ said: string; result: Parsed | { readonly exitCode: number } }> {
  let said = '';
  const write = (chunk: unknown, _encoding: unknown, done: () => void): void => {
    said += String(chunk);
    done();
  };
  const terminal = { stdout: new Writable({ write }), stderr: new Writable({ write }), program: PROGRAM };
  const result = await parseCommandLine(line.split(' '), SECTIONS, terminal as never);
  return { said, result };
}

async function parsed(line: string): Promise<Parsed> {
  const { result } = await typed(line);
  if (!('command' in result)) throw new Error(`${line} ended with ${result.exitCode}`);
  return result;
}

/** What a person is told, and is to type next. */
async function refusal(line: string): Promise<string> {
  const error: unknown = await typed(line).catch((thrown: unknown) => thrown);
  if (!(error instanceof StackError)) throw new Error(`${line} is understood`);
  const { code, message, hint } = asTold(error);
  expect(code).toBe('USAGE');
  return `${String(message)} → ${String(hint)}`;
}

test.each(['--version', '-V', 'up --version'])('%s prints the version of the package', async (line) => {
  expect(await typed(line)).toEqual({ said: `${packageJson.version}\n`, result: { exitCode: 0 } });
});

describe('a word that was mistyped: the right one, and the next command', () => {
  test.each([
    ['clutser', "unknown command 'clutser'; did you mean cluster?", 'cluster --help'],
    ['clutser nodes --json', "unknown command 'clutser'; did you mean cluster?", 'cluster --help'],
    ['sttaus -f a.yaml', "unknown command 'sttaus'; did you mean status?", 'status'],
    ['cluster reshrad', "unknown command 'reshrad'; did you mean cluster reshard?", 'cluster reshard'],
    ['secrets rotat', "unknown command 'rotat'; did you mean secrets rotate?", 'secrets rotate'],
    // Another command has that name, only not here. `init` would be more alike.
    ['info', "unknown command 'info'; did you mean cluster info?", 'cluster info'],
    ['cluster status', "unknown command 'status'; did you mean status?", 'status'],
    ['clutser --help', "unknown command 'clutser'; did you mean cluster?", 'cluster --help'],
    ['help cluster reshrad', "unknown command 'reshrad'; did you mean cluster reshard?", 'cluster reshard'],
    ['xyzzy', "unknown command 'xyzzy'", '--help'],
    ['cluster xyzzy', "unknown command 'xyzzy'", 'cluster --help'],
    ['up --timout 3', "unknown option '--timout'; did you mean --timeout?", 'up --timeout <seconds>'],
    [
      'cluster reshard --form=redis-1',
      "unknown option '--form'; did you mean --from?",
      'cluster reshard --from <nodes>',
    ],
    ['up --volumes', "unknown option '--volumes': it is one of down", 'up --help'],
    ['up -z', "unknown option '-z'", 'up --help'],
    ['--json up', "'--json' stands behind the command, not before it", '--help'],
    ['up redis-1', "too many arguments for 'up'. Expected 0 arguments but got 1.", 'up --help'],
    ['cluster keyslot', "missing required argument 'keys'", 'cluster keyslot --help'],
    ['status -- x', 'status takes nothing behind --', 'status --help'],
  ])('%s', async (line, message, next) => {
    expect(await refusal(line)).toBe(`${message} → ${PROGRAM} ${next}`);
  });

  test('nothing else of the line is repeated: it may hold a password', async () => {
    expect(await refusal('cluster import --form=redis://:secret@host')).not.toContain('secret');
  });
});

describe('help', () => {
  const headings = (text: string): string[] => [...text.matchAll(/^(\S.*):$/gm)].map(([, heading = '']) => heading);

  test('lists all commands under headings, and says what the groups hold', async () => {
    const { said, result } = await typed('--help');
    expect(result).toEqual({ exitCode: 0 });
    expect(headings(said).slice(0, 3)).toEqual(['Options', 'Bring it up, take it down', 'See how it is']);
    for (const name of ['cluster', 'secrets', 'image']) expect(said).toMatch(new RegExp(`^  ${name} +\\w.+`, 'm'));
    expect(headings((await typed('cluster --help')).said)).toContain('Move slots');
  });

  test('of a command has its own options before those of every command', async () => {
    const { said } = await typed('down --help');
    expect(headings(said)).toEqual(['Options', 'Options of every command']);
  });

  test.each(['cluster reshard --help', 'help cluster reshard', 'cluster help reshard', 'cluster reshard -h'])(
    '%s',
    async (line) => {
      expect((await typed(line)).said).toContain(`Usage: ${PROGRAM} cluster reshard [options]`);
    },
  );

  test('of no command at all is a mistake', async () => {
    expect((await typed('cluster')).result).toEqual({ exitCode: 2 });
  });
});

test('every command takes -y and -q', async () => {
  const commands = SECTIONS.flatMap(({ entries }) => entries).filter((entry) => 'run' in entry);
  for (const { name, operands = '' } of commands) {
    const words = operands.startsWith('<') ? ['bash'] : [];
    const { options, quiet } = await parsed([name, ...words, '-y', '-q'].join(' '));
    expect({ name, yes: options['yes'], quiet }).toEqual({ name, yes: true, quiet: true });
  }
});

describe('redis-cli', () => {
  test.each([
    ['redis-cli', undefined, []],
    ['redis-cli -f a.yaml', 'a.yaml', []],
    ['redis-cli redis-2 -f a.yaml', 'a.yaml', ['redis-2']],
    ['redis-cli redis-2 -f a.yaml INFO memory', 'a.yaml', ['redis-2', 'INFO', 'memory']],
    ['redis-cli GET a', undefined, ['GET', 'a']],
    ['redis-cli --file=a.yaml -n 0 GET a', 'a.yaml', ['-n', '0', 'GET', 'a']],
    ['redis-cli redis-2 -h redis-1 -p 6379 PING', undefined, ['redis-2', '-h', 'redis-1', '-p', '6379', 'PING']],
    ['redis-cli SET a -1', undefined, ['SET', 'a', '-1']],
    ['redis-cli redis-2 -f a.yaml -- SET a --json', 'a.yaml', ['redis-2', '--', 'SET', 'a', '--json']],
  ])('%s', async (line, file, words) => {
    const { operands, passedOn, ...rest } = await parsed(line);
    const all = passedOn.length > 0 ? [...operands, '--', ...passedOn] : operands;
    expect({ file: rest.file, words: all, json: rest.json }).toEqual({ file, words, json: false });
  });

  test.each(['redis-cli DEL a -f a.yaml', 'redis-cli -n 0 GET a --host=tcp://h', 'redis-cli RPUSH list a -q'])(
    'an option of ours in a Redis command is refused, rather than guessed for whom it is: %s',
    async (line) => {
      expect(await refusal(line)).toMatch(/^-\S+ stands behind the first word for redis-cli.* -f FILE -- GET KEY$/);
    },
  );

  test.each(['redis-cli --help', 'redis-cli -h', 'redis-cli redis-1 -h'])('%s explains it', async (line) => {
    expect((await typed(line)).said).toContain(`${PROGRAM} redis-cli redis-2 INFO memory`);
  });
});
