import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { SECTIONS } from '../../src/cli/commands.ts';
import { parseCommandLine } from '../../src/cli/core/parse-command-line.ts';
import { hint, hintRenderer, run, type Typed } from '../../src/hint.ts';

const render = (typed: Partial<Typed>) => hintRenderer({ program: 'rc', file: undefined, host: undefined, ...typed });
const there = render({ file: 'other.yaml', host: 'tcp://10.0.0.7:2375' });

describe('a command to be copied', () => {
  test('begins as the person began, and names neither a file nor an engine that nobody named', () => {
    expect(render({ program: 'npx redis-cluster' })(run('cluster fix'))).toBe('npx redis-cluster cluster fix');
  });

  test('is for the stack and the engine that the person named', () => {
    expect(there(run('down --volumes --yes'))).toBe('rc down --volumes --yes -f other.yaml --host tcp://10.0.0.7:2375');
  });

  test('keeps what it passes on to another program behind the last --', () => {
    const words = 'redis-cli redis-1 -- SET a -- b';
    expect(render({ file: 'a.yaml' })(run(words))).toBe('rc redis-cli redis-1 -f a.yaml -- SET a -- b');
  });

  test.each([
    ['my stacks/dev.yaml', "rc up -f 'my stacks/dev.yaml'"],
    ["/it's/dev.yaml", "rc up -f '/it'\\''s/dev.yaml'"],
    ['$HOME;ls', "rc up -f '$HOME;ls'"],
  ])('can be pasted into a shell where the file is called %s', (file, command) => {
    expect(render({ file })(run('up'))).toBe(command);
  });

  test.each(['down --name dev', 'down --name dev --volumes', 'down --all-stale --yes', 'image build'])(
    'takes no file where the command would refuse or ignore it: %s',
    (words) => {
      expect(there(run(words))).toBe(`rc ${words} --host tcp://10.0.0.7:2375`);
    },
  );

  test('is not given the --host that means another thing', () => {
    expect(there(run('serve --port 8001'))).toBe('rc serve --port 8001 -f other.yaml');
  });

  test('that asks for help is left as it is', () => {
    expect(there(run('cluster import --help'))).toBe('rc cluster import --help');
  });
});

describe('words', () => {
  test('stay as they are', () => {
    expect(there('Start the engine.')).toBe('Start the engine.');
  });

  test('have commands, numbers and other hints among them', () => {
    const then = hint`then: ${run('up')}`;
    expect(render({ file: 'a.yaml' })(hint`Wait ${3} s for ${'redis-1'}, ${then}   # in vain`)).toBe(
      'Wait 3 s for redis-1, then: rc up -f a.yaml   # in vain',
    );
  });
});

/** Read as if a person had typed them. */
async function expectOwnCommands(commands: readonly string[]): Promise<void> {
  const said: string[] = [];
  const write = (chunk: unknown, _encoding: unknown, done: () => void): void => {
    said.push(String(chunk));
    done();
  };
  const terminal = { stdout: new Writable({ write }), stderr: new Writable({ write }), program: 'rc' };
  for (const words of commands) {
    const argv = words.split(' ').filter((word) => word !== '');
    const parsed = await parseCommandLine(argv, SECTIONS, terminal as never);
    expect({ words, said, isRead: 'command' in parsed }).toEqual({ words, said: [], isRead: true });
  }
}

test('every command with options that a document names without the program is one of this program, with its own options', async () => {
  const documents = ['README.md', ...readdirSync('docs').map((name) => join('docs', name))];
  const spans = documents
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => [...readFileSync(name, 'utf8').matchAll(/`([a-z][^`\n]*)`/g)].map(([, span = '']) => span));
  const names = new Set(SECTIONS.flatMap(({ entries }) => entries.map(({ name }) => name.split(' ')[0])));
  const commands = spans
    .filter((span) => span.includes(' --') && names.has(span.split(' ')[0] ?? ''))
    // Redis's own tool has the name of a command.
    .filter((span) => !span.startsWith('redis-cli --') && !span.includes('…'))
    .map((span) => span.replaceAll(/\\\|.*?(?=\])|[[\]]/g, '').replace('SECONDS', '9'));
  expect(commands.length).toBeGreaterThan(10);
  await expectOwnCommands(commands);
});

describe('in the sources', () => {
  const texts = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => [name, readFileSync(join('src', name), 'utf8')] as const);

  test('every command to be copied is one of this program, with its own options', async () => {
    const found = texts.flatMap(([, text]) =>
      [...text.matchAll(/(?:\brun\(|\brun: )(?:'([^'\n]*)'|`([^`]*)`)\)/g)].map(
        ([, plain, pattern]) => plain ?? pattern ?? '',
      ),
    );
    const commands = found
      .map((words) => words.replace(/^\$\{command\}/, 'down').replaceAll(/--\$\{\w+\}/g, '--force'))
      .map((words) => words.replaceAll(/\$\{[^}]*\}/g, 'X').replaceAll('SECONDS', '9'))
      .filter((words) => !words.endsWith('--help'));
    expect(commands.length).toBeGreaterThan(60);
    await expectOwnCommands(commands);
  });

  test('nobody but the front door knows how the program is called', () => {
    const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    const naming = texts.filter(([, text]) => /npx tsx|tsx manage\.ts|\band run `?up\b/.test(withoutComments(text)));
    expect(naming.map(([name]) => name)).toEqual([]);
  });
});
