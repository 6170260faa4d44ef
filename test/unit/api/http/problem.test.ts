import { expect, test } from 'vitest';
import { problemOf, ProblemError, unavailable } from '../../../../src/api/http/problem.ts';
import { Problem } from '../../../../src/api/inspection/schemas.ts';
import { StackError } from '../../../../src/errors.ts';
import { hintText } from '../../../helpers/hint-text.ts';

test('a problem has the members of RFC 9457, and says no more than it knows', () => {
  const problem = problemOf(new ProblemError(404, 'there is nothing'), hintText);
  expect(problem).toStrictEqual({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'there is nothing' });
  expect(Problem.safeParse(problem).success).toBe(true);
});

test('a failure of the stack is 503, with its code, what was tried, and what to do now', () => {
  const problem = problemOf(
    unavailable(
      new StackError('ENGINE_UNREACHABLE', { message: 'no engine answers', hint: 'Start it.', details: ['a', 'b'] }),
    ),
    hintText,
  );
  expect(problem).toStrictEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    detail: 'no engine answers',
    code: 'ENGINE_UNREACHABLE',
    hint: 'Start the container engine: this service goes on by itself.',
    tried: ['a', 'b'],
  });
  expect(Problem.safeParse(problem).success).toBe(true);
});

test('a detail is not longer than anybody reads, however much was asked', () => {
  const { detail } = problemOf(new ProblemError(404, `there is nothing at /${'a'.repeat(1_000_000)}`), hintText);
  expect(detail).toHaveLength(301);
});

test('the cause of a failure is not told', () => {
  const cause = new Error('AUTH default secret');
  const problem = problemOf(
    unavailable(new StackError('CLUSTER_UNHEALTHY', { message: 'no answer', cause })),
    hintText,
  );
  expect(JSON.stringify(problem)).not.toContain('secret');
});
