import { copyKeys, type Copied } from '../../../redis/keys/copy-keys.ts';
import type { KeySource } from '../../../redis/keys/read-keys.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { countText, numberText } from '../../../units.ts';
import type { Session } from '../../session/session.ts';

/** `copyKeys` that tells how many keys were copied, by all its calls together, and how fast. */
export function keyCopier(
  { report, signal, timeoutMs }: Session,
  links: readonly NodeLink[],
  replace: boolean,
): (source: KeySource) => Promise<Copied> {
  const start = performance.now();
  let before = 0;
  const tell = (state: 'running' | 'done', count: number): void => {
    const rate = Math.round((count * 1000) / Math.max(performance.now() - start, 1));
    report({ subject: 'keys', state, text: `${countText(count, 'key')}, ${numberText(rate)} a second` });
  };
  return async (source) => {
    const onProgress = (count: number): void => tell('running', before + count);
    const copied = await copyKeys(source, links, { replace, signal, timeoutMs, onProgress });
    before += copied.copiedCount;
    tell('done', before);
    return copied;
  };
}
