import { setTimeout as delay } from 'node:timers/promises';

/** @throws whatever `signal` is aborted with */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
