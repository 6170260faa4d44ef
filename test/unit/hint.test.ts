import { describe, expect, test } from 'vitest';
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
