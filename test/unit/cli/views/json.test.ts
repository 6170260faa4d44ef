import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { showFailure } from '../../../../src/cli/core/output.ts';
import type { Terminal } from '../../../../src/cli/core/terminal.ts';
import { FAILURE_CODES, StackError } from '../../../../src/errors.ts';
import { hintRenderer, run } from '../../../../src/hint.ts';
import { requireDescribed } from '../../../helpers/json-schemas.ts';

// What `up --json` prints, and every error of the other tests, is held against its schema where they run a command line.

function printed(error: unknown): string {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const renderHint = hintRenderer({ program: 'manage', file: undefined, host: undefined });
  showFailure(error, true, { ...process, stdout, stderr, env: {} } as unknown as Terminal, renderHint);
  return String(stdout.read());
}

test('each error that a command can end with is described', () => {
  const failures = FAILURE_CODES.map(
    (code) => new StackError(code, { message: 'no', hint: run('up'), details: ['a'] }),
  );
  for (const error of [...failures, new StackError('USAGE', { message: 'no' }), new Error('a bug')]) {
    expect(() => requireDescribed(['up', '--json'], printed(error))).not.toThrow();
  }
});

test('what is not described is found', () => {
  for (const wrong of [
    { code: 'NO_CODE', message: 'a' },
    { code: 'USAGE' },
    { code: 'USAGE', message: 'a', more: 1 },
  ]) {
    const text = JSON.stringify({ error: wrong }, null, 2);
    expect(() => requireDescribed(['status', '--json'], text)).toThrow('error.schema.json');
  }
  expect(() => requireDescribed(['up', '--json'], '{ "stack": "dev" }')).toThrow('up.schema.json');
});
