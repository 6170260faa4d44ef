/** The program as its users start it: a process of its own, with a terminal where that matters. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

const TSX = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when the output so far matches. */
  readonly seen: (pattern: RegExp) => Promise<void>;
  readonly ended: Promise<number>;
}

function start(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { env: { ...stack.env, TERM: 'xterm', CI: '' }, stdio: 'pipe' });
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  child.stderr?.on('data', (chunk) => (text += String(chunk)));
  const seen = async (pattern: RegExp): Promise<void> => {
    await expect.poll(() => text, { timeout: 120_000, interval: 20 }).toMatch(pattern);
  };
  // Its output may come after its end: 'close' is when both are there.
  const ended = once(child, 'close').then(([exitCode]) => exitCode as number);
  return { child, output: () => text, seen, ended };
}

/** Without the process that tsx puts before it: that one kills a program which is too busy to hear a signal in 30 ms. */
function manage(...args: readonly string[]): Running {
  return start(process.execPath, ['--import', 'tsx', 'manage.ts', ...args, '-f', stack.file]);
}

/** The same on a pseudo-terminal, which util-linux's `script` makes. */
function manageOnTerminal(...args: readonly string[]): Running {
  const command = [process.execPath, TSX, 'manage.ts', ...args, '-f', stack.file].join(' ');
  return start('script', ['-qefc', `stty rows 30 cols 120; ${command}`, '/dev/null']);
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends up with %i within ten seconds, and the next up finishes the work', async (signal, exitCode) => {
  stack = await makeStack();
  const up = manage('up');
  await up.seen(/create container/);
  const at = Date.now();
  up.child.kill(signal);
  expect(await up.ended).toBe(exitCode);
  expect(Date.now() - at).toBeLessThan(10_000);
  expect(up.output()).toContain('Run the same command again');
  await stack.must('up');
});

test('logs --follow shows what comes, and Ctrl-C is how it ends', async () => {
  stack = await stacks.shared();
  const logs = manage('logs', 'redis-1', '--follow', '--tail', '1');
  await logs.seen(/\n/);
  await stack.redis(1, 'CONFIG', 'SET', 'loglevel', 'verbose');
  await stack.redis(1, 'BGSAVE');
  await logs.seen(/Background saving/);
  logs.child.kill('SIGINT');
  expect(await logs.ended).toBe(0);
});

test.runIf(existsSync('/usr/bin/script'))(
  'redis-cli on a terminal is interactive, in cluster mode, with the password',
  async () => {
    stack = await stacks.shared();
    const cli = manageOnTerminal('redis-cli', 'redis-1');
    await cli.seen(/127\.0\.0\.1:6379> /);
    cli.child.stdin?.write('SET user:2000 here\r');
    await cli.seen(/Redirected to slot \[7597\]/);
    await cli.seen(/OK/);
    cli.child.stdin?.write('GET user:2000\r');
    await cli.seen(/"here"/);
    cli.child.stdin?.write('exit\r');
    expect(await cli.ended).toBe(0);
  },
);

test.runIf(existsSync('/usr/bin/script'))('up on a terminal is a live list; down --volumes asks there', async () => {
  stack = await makeStack();
  const up = manageOnTerminal('up');
  expect(await up.ended).toBe(0);
  // The cursor is hidden while the list changes in place.
  expect(up.output()).toContain('[?25l');
  expect(up.output()).toContain('cluster_state:ok');
  const no = manageOnTerminal('down', '--volumes');
  await no.seen(/Delete all data of .*\[y\/N\]/);
  no.child.stdin?.write('n\r');
  expect(await no.ended).toBe(2);
  const yes = manageOnTerminal('down', '--volumes');
  await yes.seen(/\[y\/N\]/);
  yes.child.stdin?.write('y\r');
  expect(await yes.ended).toBe(0);
});

test('an engine that takes connections and never answers: the process ends with the bound of its wait', async () => {
  stack = await makeStack();
  const socket = join(stack.folder, 'mute.sock');
  const mute = createServer(() => undefined).listen(socket);
  try {
    const up = manage('up', '--host', `unix://${socket}`, '--timeout', '1');
    expect(await up.ended).toBe(1);
    expect(up.output()).toContain('WAIT_TIMEOUT');
  } finally {
    mute.close();
  }
});
