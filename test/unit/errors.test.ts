import { expect, test } from 'vitest';
import { errorMessage, StackError, systemErrorCode } from '../../src/errors.ts';

test('a failure knows its exit code and its cause', () => {
  const cause = new Error('below');
  const failure = new StackError('SPEC_INVALID', { message: 'no good', hint: 'mend it', details: ['1:1'], cause });
  expect(failure).toMatchObject({ exitCode: 2, hint: 'mend it', details: ['1:1'], cause });
  expect(failure).toBeInstanceOf(Error);
});

test.each([
  ['USAGE', 2],
  ['SPEC_INVALID', 2],
  ['CONFIRMATION_NEEDED', 2],
  ['ENGINE_UNREACHABLE', 1],
  ['CLUSTER_UNHEALTHY', 1],
  ['WAIT_TIMEOUT', 1],
  ['INTERRUPTED', 130],
  ['TERMINATED', 143],
] as const)('%s ends with exit code %i', (code, exitCode) => {
  expect(new StackError(code, { message: 'x' }).exitCode).toBe(exitCode);
});

test('a failure without hint and details has none', () => {
  const failure = new StackError('USAGE', { message: 'x' });
  expect(failure.hint).toBeUndefined();
  expect(failure.details).toEqual([]);
  expect('cause' in failure).toBe(false);
});

test.each([
  [Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'],
  [Object.assign(new Error('x'), { code: 7 }), undefined],
  [new Error('x'), undefined],
  ['ENOENT', undefined],
  [null, undefined],
  [undefined, undefined],
])('the system code of %o is %j', (error, code) => {
  expect(systemErrorCode(error)).toBe(code);
});

test('anything thrown has a message', () => {
  expect(errorMessage(new Error('x'))).toBe('x');
  expect(errorMessage('text')).toBe('text');
  expect(errorMessage(undefined)).toBe('undefined');
});
