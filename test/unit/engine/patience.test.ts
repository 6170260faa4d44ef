import { describe, expect, test, vi } from 'vitest';
import { createPatience } from '../../../src/engine/patience.ts';
import { StackError } from '../../../src/errors.ts';
import { failureOf } from '../../helpers/builders.ts';

const away = (): StackError => new StackError('ENGINE_UNREACHABLE', { message: 'nobody answers', hint: 'Start it.' });
const refused = (): StackError => new StackError('ENGINE_FAILED', { message: 'database not open' });

/** An engine whose answers come one after the other; an error is thrown. */
function engineThat(...answers: readonly (string | Error)[]): () => Promise<string> {
  const left = [...answers];
  return async () => {
    const answer = left.shift() ?? 'the end';
    if (typeof answer !== 'string') throw answer;
    return answer;
  };
}

function patience(ask: () => Promise<unknown> = async () => 'here') {
  const [onAway, onBack] = [vi.fn<(timeoutMs: number) => void>(), vi.fn<() => void>()];
  const controller = new AbortController();
  const bounds = { signal: controller.signal, timeoutMs: 300 };
  return { ...createPatience(bounds, { ask, onAway, onBack }), onAway, onBack, controller };
}

describe('reading', () => {
  test('an engine that never answered is not waited for', async () => {
    const { reading, onAway } = patience();
    expect(await failureOf(() => reading(engineThat(away(), 'ok')))).toMatchObject({ message: 'nobody answers' });
    expect(onAway).not.toHaveBeenCalled();
  });

  test('one that has answered is asked again until it is back, and that is told once', async () => {
    const { reading, onAway, onBack } = patience();
    const call = engineThat('first', away(), away(), 'second');
    expect([await reading(call), await reading(call)]).toEqual(['first', 'second']);
    expect([onAway.mock.calls, onBack.mock.calls]).toEqual([[[300]], [[]]]);
  });

  test('a wait has an end, which says how long it was', async () => {
    const { reading } = patience();
    const call = async (): Promise<never> => Promise.reject(away());
    await reading(async () => 'first');
    expect(await failureOf(() => reading(call))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: 'nobody answers, for longer than 300ms',
      isPassing: false,
    });
  });

  test('Ctrl-C ends it', async () => {
    const { reading, controller } = patience();
    const interrupted = new StackError('INTERRUPTED', { message: 'stopped' });
    await reading(async () => 'first');
    const call = async (): Promise<never> => {
      controller.abort(interrupted);
      throw away();
    };
    expect(await failureOf(() => reading(call))).toBe(interrupted);
  });
});

describe('changing', () => {
  test('a call is made once, and its failure is a passing one', async () => {
    const { changing, onAway } = patience();
    const call = engineThat('first', away(), 'never asked for');
    await changing(call);
    expect(await failureOf(() => changing(call))).toMatchObject({ code: 'ENGINE_UNREACHABLE', isPassing: true });
    expect(onAway).toHaveBeenCalledOnce();
    expect(await call()).toBe('never asked for');
  });

  test('what an engine says that is about to end is no refusal', async () => {
    const { changing } = patience(async () => Promise.reject(away()));
    await changing(async () => 'first');
    expect(await failureOf(() => changing(engineThat(refused())))).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });

  test('what one says that goes on is one', async () => {
    const { changing } = patience();
    await changing(async () => 'first');
    expect(await failureOf(() => changing(engineThat(refused())))).toMatchObject({ code: 'ENGINE_FAILED' });
  });
});
