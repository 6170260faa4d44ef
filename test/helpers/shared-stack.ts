import { afterAll, afterEach } from 'vitest';
import { makeStack, type TestStack } from './test-stack.ts';

interface Stacks {
  /** Of three primaries, brought up. What stories wrote into it or set by `up` stays. */
  readonly shared: () => Promise<TestStack>;
  /** Does nothing to the shared one. */
  readonly removeOwn: (stack: TestStack) => Promise<void>;
}

/**
 * One stack for all stories of a file that leave a healthy one behind; the others make their own. A story that fails takes
 * the shared one with it, and the next gets a new one.
 */
export function useSharedStack(): Stacks {
  let stack: TestStack | undefined;
  const remove = async (): Promise<void> => {
    await stack?.remove();
    stack = undefined;
  };
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await remove();
  });
  afterAll(remove);
  return {
    shared: async () => {
      stack ??= await makeStack();
      await stack.must('up');
      return stack;
    },
    removeOwn: async (own) => {
      if (own !== stack) await own.remove();
    },
  };
}
