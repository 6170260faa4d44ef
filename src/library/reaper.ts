import { createInterface } from 'node:readline';
import { LABELS } from '../plan/model/names.ts';
import { poll } from '../poll.ts';
import { downAllStale } from '../stack/commands/stale.ts';
import type { LabelSession } from '../stack/session/session.ts';

/**
 * The process beside one that has isolated clusters. It is alive as long as that one: their pipe is `input`, with a line for
 * each cluster that begins and ends. While a cluster is there, it holds one of its containers, so that others see that
 * somebody needs it. When its owner has ended, however that was, it removes what is left; and at its start, what owners that
 * had nobody beside them have left.
 */
export async function reap(session: LabelSession, input: NodeJS.ReadStream): Promise<void> {
  const removeStale = (): Promise<unknown> =>
    downAllStale(session, async () => true, { isOnlyIsolated: true }).catch(() => undefined);
  const holds = new Map<string, AbortController>();
  const atStart = removeStale();
  for await (const line of createInterface({ input })) {
    const [word, stack = ''] = line.split(' ');
    holds.get(stack)?.abort();
    holds.delete(stack);
    if (word !== 'hold') continue;
    const hold = new AbortController();
    holds.set(stack, hold);
    void keepHeld(session, stack, hold.signal);
  }
  await atStart;
  await removeStale();
}

/** On any of its containers that runs; on another one when that was stopped. Stopped in this moment, or the engine is away: later. */
async function keepHeld({ engine }: LabelSession, stack: string, signal: AbortSignal): Promise<void> {
  const hold = async (): Promise<void> => {
    const own = (await engine.listContainers()).filter(({ labels }) => labels[LABELS.stack] === stack);
    const running = own.find(({ state }) => state === 'running');
    if (running !== undefined) await engine.hold(running.name, signal);
  };
  const attempt = (): Promise<void> => hold().catch(() => undefined);
  await poll(attempt, () => signal.aborted, { signal: NEVER, timeoutMs: Infinity, pace: { min: AGAIN_MS } });
}

const AGAIN_MS = 1000;
const NEVER = new AbortController().signal;
