import { StackError, type FailureCode } from '../../errors.ts';
import { actionKey, DONE_TEXT, type Action } from '../../plan/model/actions.ts';
import type { Session } from '../session/session.ts';

/**
 * Walks a plan: each action begins as soon as those before it are done. After a failure nothing more begins; what runs
 * is awaited, and the first error is thrown.
 */
export async function execute(
  actions: readonly Action[],
  perform: (action: Action) => Promise<void>,
  { report, signal }: Pick<Session, 'report' | 'signal'>,
): Promise<void> {
  const byKey = new Map(actions.map((action) => [actionKey(action), action]));
  const begun = new Map<string, Promise<void>>();
  const failures: unknown[] = [];

  const begin = (key: string): Promise<void> => {
    const action = byKey.get(key);
    if (action === undefined) return Promise.resolve();
    const running = begun.get(key) ?? run(action);
    begun.set(key, running);
    return running;
  };
  const run = async (action: Action): Promise<void> => {
    await Promise.all(action.after.map(begin));
    signal.throwIfAborted();
    if (failures.length > 0) return;
    report({ subject: action.target, state: 'running', text: action.type });
    try {
      await perform(action);
      report({ subject: action.target, state: 'done', text: DONE_TEXT[action.type] });
    } catch (error) {
      failures.push(error);
      const isOvertaken = error instanceof StackError && error.isPassing && OVERTAKEN.has(error.code);
      report({ subject: action.target, state: isOvertaken ? 'running' : 'failed', text: action.type });
      throw error;
    }
  };

  await Promise.allSettled([...byKey.keys()].map(begin));
  if (failures.length > 0) throw failures[0];
  signal.throwIfAborted();
}

/** What is looked at and planned again, and is no failure until then. */
const OVERTAKEN: ReadonlySet<FailureCode> = new Set(['CHANGED_MEANWHILE', 'ENGINE_UNREACHABLE']);
