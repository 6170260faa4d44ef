import { expect, test } from 'vitest';
import { StackError, type FailureCode } from '../../../../src/errors.ts';
import { whilePassing } from '../../../../src/stack/reconcile/passing.ts';

const { signal } = new AbortController();
/** Fails with one after the other, then works. */
function failing(...codes: readonly FailureCode[]): () => Promise<string> {
  const left = [...codes];
  return async () => {
    const code = left.shift();
    if (code !== undefined) throw new StackError(code, { message: code, isPassing: true });
    return 'done';
  };
}

test('what an overlay network says after a loss of power is tried twice more, whatever else passed by before', async () => {
  const answers: FailureCode[] = [
    'ENGINE_FAILED',
    'CHANGED_MEANWHILE',
    'ATTACH_FAILED',
    'CHANGED_MEANWHILE',
    'ATTACH_FAILED',
  ];
  expect(await whilePassing({ signal }, failing(...answers))).toBe('done');
});

test('and no more than twice: each takes the engine 20 seconds', async () => {
  const work = whilePassing(
    { signal },
    failing('ATTACH_FAILED', 'ATTACH_FAILED', 'CHANGED_MEANWHILE', 'ATTACH_FAILED'),
  );
  await expect(work).rejects.toMatchObject({ code: 'ATTACH_FAILED' });
});
