import { hasCode } from '../../errors.ts';
import { actionKey, actionText, type Action } from '../../plan/model/action.ts';
import type { Session } from '../session/session.ts';

/**
 * Walks a plan: each action begins as soon as those before it are done. After a failure nothing more begins; what runs
 * is awaited, and the first error is thrown.
 */
export async function execute<A extends Action>(
  actions: readonly A[],
  perform: (action: A) => Promise<void>,
  { report, signal, confirmLock }: Pick<Session, 'report' | 'signal' | 'confirmLock'>,
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
  const run = async (action: A): Promise<void> => {
    await Promise.all(action.after.map(begin));
    await confirmLock?.();
    signal.throwIfAborted();
    if (failures.length > 0) return;
    const event = { subject: action.target, text: actionText(action), action };
    report({ ...event, state: 'running' });
    try {
      await perform(action);
      report({ ...event, state: 'done' });
    } catch (error) {
      failures.push(error);
      report({ ...event, state: isOvertaken(error) ? 'running' : 'failed' });
      throw error;
    }
  };

  await Promise.allSettled([...byKey.keys()].map(begin));
  if (failures.length > 0) throw failures[0];
  signal.throwIfAborted();
}

/** What is looked at and planned again, and is no failure until then. */
function isOvertaken(error: unknown): boolean {
  return hasCode(error, 'CHANGED_MEANWHILE', 'ENGINE_UNREACHABLE') && error.isPassing;
}
