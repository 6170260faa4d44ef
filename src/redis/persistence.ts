import type { Bounds } from '../bounds.ts';
import { parseInfo } from '../cluster/nodes/view.ts';
import { StackError } from '../errors.ts';
import type { NodeLink } from './node-link.ts';
import { pause } from '../pause.ts';
import { saveNow } from './save.ts';

/** Redis begins a new append-only file with all that it holds; what an old one said is gone. */
export async function writeLog(link: NodeLink, { signal, timeoutMs }: Bounds): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  await link.send('CONFIG', 'SET', 'appendonly', 'yes');
  for (;;) {
    const info = parseInfo(String(await link.send('INFO', 'persistence')));
    const isBusy = info.get('aof_rewrite_in_progress') !== '0' || info.get('aof_rewrite_scheduled') !== '0';
    if (!isBusy) {
      if (info.get('aof_enabled') === '1' && info.get('aof_last_bgrewrite_status') === 'ok') break;
      throw new StackError('CLUSTER_UNHEALTHY', {
        message: `${link.name} could not write its keys to an append-only file`,
        hint: `npx tsx manage.ts logs ${link.name}   # says why: most often the disk, or the container's memory`,
      });
    }
    if (Date.now() > giveUpAt) {
      throw new StackError('WAIT_TIMEOUT', {
        message: `${link.name}: its append-only file is not written after ${timeoutMs / 1000} s`,
        hint: 'Give it longer with --timeout SECONDS.',
      });
    }
    await pause(POLL_MS, signal);
  }
}

const POLL_MS = 20;

/** A dump of this moment, and another one when it is stopped: whatever the user's redis.conf says of saving. */
export async function prepareDump(link: NodeLink, bounds: Bounds): Promise<void> {
  await saveNow(link, bounds);
  // SIGTERM makes Redis save where there is a save point. 7.0 and later can also be told in so many words.
  if ((await configValue(link, 'save')) === '') await link.send('CONFIG', 'SET', 'save', '3600 1');
  // An older one refuses that, which sendAll gives back as a value.
  await link.sendAll([['CONFIG', 'SET', 'shutdown-on-sigterm', 'save']]);
}

/** Empty where Redis doesn't know the setting. */
export async function configValue(link: NodeLink, name: string): Promise<string> {
  const reply = await link.send('CONFIG', 'GET', name);
  return Array.isArray(reply) ? String(reply[1]) : '';
}
