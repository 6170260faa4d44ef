import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { showFailure, showOutcome, type Outcome } from '../../../../src/cli/core/output.ts';
import type { Terminal } from '../../../../src/cli/core/terminal.ts';
import { StackError } from '../../../../src/errors.ts';
import { hint, hintRenderer, run } from '../../../../src/hint.ts';

const renderHint = hintRenderer({ program: 'manage', file: 'other.yaml', host: undefined });

/** A pipe: no colours, and what was written can be read. */
function pipes(): { terminal: Terminal; written: () => { stdout: string; stderr: string } } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = { ...process, stdout, stderr, env: {} } as unknown as Terminal;
  return { terminal, written: () => ({ stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }) };
}

const SIX_NODES: Outcome = {
  data: { stack: 'dev', nodes: 6 },
  show: async ({ good, warn, line, table, next }) => {
    good('dev: 6 nodes');
    warn('one is slow');
    await table(['node', 'role'], [['redis-1', 'primary']]);
    line();
    next(hint`${run('status')}   # once more`);
  },
  exitCode: 1,
};

test('a person reads lines, and the next command names the file that was typed', async () => {
  const { terminal, written } = pipes();
  expect(await showOutcome(SIX_NODES, false, terminal, renderHint)).toBe(1);
  expect(written()).toEqual({
    stdout: `✓ dev: 6 nodes
! one is slow
NODE     ROLE
redis-1  primary

Next: manage status -f other.yaml   # once more
`,
    stderr: '',
  });
});

test('with --json stdout is the data, and nothing else', async () => {
  const { terminal, written } = pipes();
  expect(await showOutcome(SIX_NODES, true, terminal, renderHint)).toBe(1);
  expect(JSON.parse(written().stdout)).toEqual({ stack: 'dev', nodes: 6 });
});

test('a failure with --json has its hint as a person would type it', () => {
  const { terminal, written } = pipes();
  const failure = new StackError('NOT_RUNNING', { message: 'no node runs', hint: run('up'), details: ['redis-1'] });
  expect(showFailure(failure, true, terminal, renderHint)).toBe(1);
  const error = { code: 'NOT_RUNNING', message: 'no node runs', hint: 'manage up -f other.yaml', details: ['redis-1'] };
  const { stdout, stderr } = written();
  expect([JSON.parse(stdout), stderr]).toEqual([{ error }, '']);
});

test('what is no failure that we know is a bug, with its stack for a person and as JSON', () => {
  const { terminal, written } = pipes();
  expect(showFailure(new TypeError('x is undefined'), true, terminal, renderHint)).toBe(1);
  const { stdout, stderr } = written();
  expect(JSON.parse(stdout)).toEqual({ error: { code: 'BUG', message: 'x is undefined' } });
  expect(stderr).toMatch(/^This is a bug of this program:\nTypeError: x is undefined\n +at /);
});
