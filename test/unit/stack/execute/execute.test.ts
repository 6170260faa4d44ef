import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StackError } from '../../../../src/errors.ts';
import { actionKey, keyOf, newAction, type Action } from '../../../../src/plan/model/action.ts';
import { execute } from '../../../../src/stack/execute/execute.ts';
import type { ProgressEvent } from '../../../../src/stack/session/session.ts';
import { failureOf } from '../../../helpers/builders.ts';

function start(target: string, ...after: readonly string[]): Action {
  return newAction(
    'start container',
    target,
    'missing',
    {},
    { after: after.map((one) => keyOf('start container', one)) },
  );
}

/** An engine whose every call lasts until the test ends it. */
function world(): {
  readonly begun: string[];
  readonly events: ProgressEvent[];
  readonly controller: AbortController;
  readonly run: (actions: readonly Action[]) => Promise<void>;
  readonly finish: (...targets: readonly string[]) => Promise<void>;
  readonly fail: (target: string, error: Error) => Promise<void>;
} {
  const begun: string[] = [];
  const events: ProgressEvent[] = [];
  const controller = new AbortController();
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const perform = async ({ target }: Action): Promise<void> => {
    begun.push(target);
    await new Promise<void>((resolve, reject) => ends.set(target, { resolve, reject }));
  };
  return {
    begun,
    events,
    controller,
    run: (actions) => execute(actions, perform, { report: (event) => events.push(event), signal: controller.signal }),
    finish: async (...targets) => {
      for (const target of targets) ends.get(target)?.resolve();
      await settled();
    },
    fail: async (target, error) => {
      ends.get(target)?.reject(error);
      await settled();
    },
  };
}

/** After every promise that could go on has gone on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('execute', () => {
  test('does nothing for an empty plan', async () => {
    const { run, begun, events } = world();
    await run([]);
    expect([...begun, ...events]).toEqual([]);
  });

  test('begins at once whatever waits for nothing, and the rest when all before it is done', async () => {
    const { run, begun, finish } = world();
    const running = run([start('last', 'one', 'two'), start('one'), start('two'), start('next', 'one')]);
    await settled();
    expect(begun).toEqual(['one', 'two']);
    await finish('one');
    expect(begun).toEqual(['one', 'two', 'next']);
    await finish('two');
    expect(begun).toEqual(['one', 'two', 'next', 'last']);
    await finish('next', 'last');
    await running;
  });

  test('does each action once, however many wait for it', async () => {
    const { run, begun, finish } = world();
    const running = run([start('base'), ...['a', 'b', 'c'].map((one) => start(one, 'base'))]);
    await settled();
    await finish('base');
    await finish('a', 'b', 'c');
    await running;
    expect(begun).toEqual(['base', 'a', 'b', 'c']);
  });

  test('tells when each action begins and ends', async () => {
    const { run, events, finish } = world();
    const action = start('one');
    const running = run([action]);
    await settled();
    const event = { subject: 'one', text: 'start container one  (missing)', action };
    expect(events).toEqual([{ ...event, state: 'running' }]);
    await finish('one');
    await running;
    expect(events.slice(1)).toEqual([{ ...event, state: 'done' }]);
  });

  test('after a failure nothing more begins; what runs is awaited, and the error is thrown', async () => {
    const { run, begun, events, finish, fail } = world();
    let isOver = false;
    const failure = failureOf(() => run([start('bad'), start('slow'), start('child', 'bad'), start('later', 'slow')]));
    void failure.then(() => {
      isOver = true;
    });
    await settled();
    await fail('bad', new StackError('PORT_TAKEN', { message: 'taken' }));
    expect(isOver).toBe(false);
    expect(events.at(-1)).toMatchObject({ subject: 'bad', state: 'failed', text: 'start container bad  (missing)' });
    await finish('slow');
    expect(await failure).toMatchObject({ code: 'PORT_TAKEN' });
    expect(begun).toEqual(['bad', 'slow']);
    expect(events.findLast(({ subject }) => subject === 'slow')?.state).toBe('done');
  });

  test('an action that somebody else was quicker with is not told as failed: the next round sees what is left', async () => {
    const { run, events, fail } = world();
    const failure = failureOf(() => run([start('one')]));
    await settled();
    await fail('one', new StackError('CHANGED_MEANWHILE', { message: 'already exists' }));
    expect(await failure).toMatchObject({ code: 'CHANGED_MEANWHILE' });
    expect(events.map(({ state }) => state)).not.toContain('failed');
  });

  test('an abort lets what runs come to its end, and nothing more begins', async () => {
    const { run, begun, finish, controller } = world();
    const failure = failureOf(() => run([start('one'), start('two', 'one')]));
    await settled();
    controller.abort(new StackError('INTERRUPTED', { message: 'interrupted' }));
    await finish('one');
    expect(await failure).toMatchObject({ code: 'INTERRUPTED' });
    expect(begun).toEqual(['one']);
  });

  test('begins nothing at all after an abort', async () => {
    const { run, begun, controller } = world();
    controller.abort(new StackError('TERMINATED', { message: 'terminated' }));
    expect(await failureOf(() => run([start('one')]))).toMatchObject({ code: 'TERMINATED' });
    expect(begun).toEqual([]);
  });

  test('in any plan, every action begins once, and only when all before it are done', async () => {
    const anyPlan = fc
      .array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { maxLength: 20 })
      .map((plan) =>
        plan.map((links, index) => start(`${index}`, ...links.filter((link) => link < index).map((link) => `${link}`))),
      );
    await fc.assert(
      fc.asyncProperty(anyPlan, fc.scheduler(), async (actions, scheduler) => {
        const done = new Set<string>();
        const tooSoon: string[] = [];
        const perform = async (action: Action): Promise<void> => {
          if (!action.after.every((key) => done.has(key))) tooSoon.push(action.target);
          await scheduler.schedule(Promise.resolve(), action.target);
          if (done.has(actionKey(action))) tooSoon.push(action.target);
          done.add(actionKey(action));
        };
        const running = execute(actions, perform, { report: () => undefined, signal: new AbortController().signal });
        await scheduler.waitFor(running);
        expect(tooSoon).toEqual([]);
        expect(done.size).toBe(actions.length);
      }),
    );
  });
});
