import type { Bounds } from '../bounds.ts';
import { parseInfo } from '../cluster/nodes/view.ts';
import { StackError } from '../errors.ts';
import { hint, run } from '../hint.ts';
import { poll } from '../poll.ts';
import { durationText } from '../units.ts';
import type { NodeLink } from './node-link.ts';
import { Refusal } from './connect-node.ts';

interface SavedFile {
  /** Of the RDB file, in the node's file system. */
  readonly path: string;
  /** Keys of the moment of which it is. */
  readonly keyCount: number;
}

/** Some 2 s. INFO of Valkey tells nothing of a child that has sent slots to another node. */
const MOST_IDLE_REFUSALS = 100;

/**
 * Has a node write an RDB file of this moment, and waits until it is written. One that is being written already is of a
 * moment before, and is waited for first.
 *
 * @throws StackError CLUSTER_UNHEALTHY when the node can't, WAIT_TIMEOUT
 */
export async function saveNow(link: NodeLink, bounds: Bounds): Promise<SavedFile> {
  let keyCount: number | undefined;
  let idleRefusals = 0;
  const findMissing = async (): Promise<string> => {
    if (keyCount === undefined) {
      // Both commands arrive as one, so that the count is of the moment of the save.
      const [count, begun] = await link.sendAll([['DBSIZE'], ['BGSAVE']]);
      if (begun instanceof Refusal) {
        // Redis has one child at a time: another save, a rewrite of the append-only file, a module's. It may have ended since.
        if (!hasChild(await persistence(link))) idleRefusals += 1;
        if (idleRefusals > MOST_IDLE_REFUSALS) throw cannotWrite(link, `to disk: ${begun.message}`);
        return 'another of its background jobs is not done';
      }
      keyCount = Number(count);
    }
    const info = await persistence(link);
    if (info.get('rdb_bgsave_in_progress') !== '0') return 'it is still writing its keys to disk';
    if (info.get('rdb_last_bgsave_status') === 'ok') return '';
    throw cannotWrite(link, 'to disk: its background save failed');
  };
  await waitUntilWritten(link, findMissing, bounds);
  const [folder, name] = await Promise.all([configValue(link, 'dir'), configValue(link, 'dbfilename')]);
  return { path: `${folder}/${name}`, keyCount: keyCount ?? 0 };
}

/**
 * CLUSTER RESET. A replica drops its copy by it, but not the files of the copy: its next start would bring back their
 * keys, in slots that others own by then.
 *
 * @throws StackError REDIS_REFUSED where a primary has keys
 */
export async function resetNode(link: NodeLink, mode: 'soft' | 'hard', bounds: Bounds): Promise<void> {
  await link.send('CLUSTER', 'RESET', mode.toUpperCase());
  await emptyFiles(link, bounds);
}

/** In one step: a key that has just come is not lost. */
const EMPTY_IF_EMPTY = "return redis.call('DBSIZE') == 0 and redis.call('FLUSHALL') or false";

/** Makes the files of a node that has no key as empty as its memory is; any other is left alone. */
export async function emptyFiles(link: NodeLink, bounds: Bounds): Promise<void> {
  if ((await link.send('EVAL', EMPTY_IF_EMPTY, 0)) === null) return;
  // FLUSHALL goes to the append-only file, and to the dump only where there is a save point. A SAVE would be refused while the
  // copy for a replica is still being written.
  await saveNow(link, bounds);
}

/** Redis begins a new append-only file with all that it holds; what an old one said is gone. */
export async function writeLog(link: NodeLink, bounds: Bounds): Promise<void> {
  await link.send('CONFIG', 'SET', 'appendonly', 'yes');
  const findMissing = async (): Promise<string> => {
    const info = await persistence(link);
    const isBusy = info.get('aof_rewrite_in_progress') !== '0' || info.get('aof_rewrite_scheduled') !== '0';
    if (isBusy) return 'its append-only file is not written';
    if (info.get('aof_enabled') === '1' && info.get('aof_last_bgrewrite_status') === 'ok') return '';
    throw cannotWrite(link, 'to an append-only file');
  };
  await waitUntilWritten(link, findMissing, bounds);
}

/** A dump of this moment, and another one when it is stopped: whatever the user's redis.conf says of saving. */
export async function prepareDump(link: NodeLink, bounds: Bounds): Promise<void> {
  await saveNow(link, bounds);
  // SIGTERM makes Redis save where there is a save point. 7.0 and later can also be told in so many words.
  if ((await configValue(link, 'save')) === '') await link.send('CONFIG', 'SET', 'save', '3600 1');
  // An older one refuses that, which sendAll gives back as a value.
  await link.sendAll([['CONFIG', 'SET', 'shutdown-on-sigterm', 'save']]);
}

/** @param findMissing what is not done yet; empty when all is */
async function waitUntilWritten(link: NodeLink, findMissing: () => Promise<string>, bounds: Bounds): Promise<void> {
  await poll(findMissing, (missing) => missing === '', {
    ...bounds,
    pace: { min: 20 },
    onTimeout: (missing) =>
      new StackError('WAIT_TIMEOUT', {
        message: `${link.name}: ${missing} after ${durationText(bounds.timeoutMs)}`,
        hint: 'Give it longer with --timeout SECONDS.',
      }),
  });
}

async function persistence(link: NodeLink): Promise<Map<string, string>> {
  return parseInfo(String(await link.send('INFO', 'persistence')));
}

function hasChild(info: Map<string, string>): boolean {
  const jobs = ['rdb_bgsave_in_progress', 'aof_rewrite_in_progress', 'module_fork_in_progress', 'loading'];
  return jobs.some((job) => info.get(job) === '1');
}

/** Empty where Redis doesn't know the setting. */
export async function configValue(link: NodeLink, name: string): Promise<string> {
  const reply = await link.send('CONFIG', 'GET', name);
  return Array.isArray(reply) ? String(reply[1]) : '';
}

function cannotWrite({ name }: NodeLink, where: string): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${name} could not write its keys ${where}`,
    hint: hint`${run(`logs ${name}`)}   # says why: most often the disk, or the container's memory`,
  });
}
