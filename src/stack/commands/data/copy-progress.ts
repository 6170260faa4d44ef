import type { Session } from '../../session/session.ts';

export interface CopyProgress {
  /** @param count keys so far, of what is being copied now */
  readonly show: (count: number) => void;
  /** What comes next counts from here. @param count keys of what was copied */
  readonly done: (count: number) => void;
}

/** Tells how many keys were copied, and how fast. */
export function copyProgress({ report }: Pick<Session, 'report'>): CopyProgress {
  const start = performance.now();
  let before = 0;
  const text = (count: number): string => keysText(before + count, performance.now() - start);
  return {
    show: (count) => report({ subject: 'keys', state: 'running', text: text(count) }),
    done: (count) => {
      report({ subject: 'keys', state: 'done', text: text(count) });
      before += count;
    },
  };
}

/** `12,345 keys, 40,000 a second`. */
export function keysText(count: number, elapsedMs: number): string {
  const rate = Math.round((count * 1000) / Math.max(elapsedMs, 1));
  return `${count.toLocaleString('en-US')} keys, ${rate.toLocaleString('en-US')} a second`;
}
