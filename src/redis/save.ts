import type { Bounds } from '../bounds.ts';
import { parseInfo } from '../cluster/nodes/view.ts';
import { StackError } from '../errors.ts';
import { Refusal, type NodeLink } from './node-link.ts';
import { pause } from '../pause.ts';

export interface SavedFile {
  /** Of the RDB file, in the node's file system. */
  readonly path: string;
  /** Keys of the moment of which it is. */
  readonly keyCount: number;
}

/**
 * Has a node write an RDB file of this moment, and waits until it is written. One that is being written already is of a
 * moment before, and is waited for first.
 *
 * @throws StackError CLUSTER_UNHEALTHY when the node can't, WAIT_TIMEOUT
 */
export async function saveNow(link: NodeLink, bounds: Bounds): Promise<SavedFile> {
  const giveUpAt = Date.now() + bounds.timeoutMs;
  const wait = async (what: string): Promise<void> => {
    if (Date.now() > giveUpAt) throw tooSlow(link, what, bounds.timeoutMs);
    await pause(POLL_MS, bounds.signal);
  };
  const keyCount = await beginSave(link, wait);
  for (;;) {
    const info = await persistence(link);
    if (info.get('rdb_bgsave_in_progress') === '0') {
      if (info.get('rdb_last_bgsave_status') !== 'ok') throw cannotSave(link, 'its background save failed');
      return { path: await rdbPath(link), keyCount };
    }
    await wait('it is still writing its keys to disk');
  }
}

const POLL_MS = 20;

/** Both commands arrive as one, so that the count is of the moment of the save. */
async function beginSave(link: NodeLink, wait: (what: string) => Promise<void>): Promise<number> {
  for (let idleRefusals = 0; ;) {
    const [keyCount, begun] = await link.sendAll([['DBSIZE'], ['BGSAVE']]);
    if (!(begun instanceof Refusal)) return Number(keyCount);
    // Redis has one child at a time: another save, a rewrite of the append-only file, a module's. It may have ended since.
    if (!(await hasChild(link))) idleRefusals += 1;
    if (idleRefusals > 3) throw cannotSave(link, begun.message);
    await wait('another of its background jobs is not done');
  }
}

async function hasChild(link: NodeLink): Promise<boolean> {
  const info = await persistence(link);
  const jobs = ['rdb_bgsave_in_progress', 'aof_rewrite_in_progress', 'module_fork_in_progress'];
  return jobs.some((job) => info.get(job) === '1') || info.get('loading') === '1';
}

async function persistence(link: NodeLink): Promise<Map<string, string>> {
  return parseInfo(String(await link.send('INFO', 'persistence')));
}

async function rdbPath(link: NodeLink): Promise<string> {
  const [folder, name] = await Promise.all([configValue(link, 'dir'), configValue(link, 'dbfilename')]);
  return `${folder}/${name}`;
}

async function configValue(link: NodeLink, name: string): Promise<string> {
  const reply = await link.send('CONFIG', 'GET', name);
  return Array.isArray(reply) ? String(reply[1]) : '';
}

function cannotSave({ name }: NodeLink, why: string): StackError {
  return new StackError('CLUSTER_UNHEALTHY', {
    message: `${name} could not write its keys to disk: ${why}`,
    hint: `npx tsx manage.ts logs ${name}   # says why: most often the disk, or the container's memory`,
  });
}

function tooSlow({ name }: NodeLink, what: string, timeoutMs: number): StackError {
  return new StackError('WAIT_TIMEOUT', {
    message: `${name}: ${what} after ${timeoutMs / 1000} s`,
    hint: 'Give it longer with --timeout SECONDS.',
  });
}
