import { resolve } from 'node:path';
import { slotMapText } from '../../../cluster/nodes/node-table.ts';
import { formatRange } from '../../../cluster/slots/slots.ts';
import type { ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { containerName } from '../../../plan/model/names.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { saveNow } from '../../../redis/persistence.ts';
import { fillFolder, requireEmpty, type WriteFile } from './backup-folder.ts';
import { MANIFEST_FILE, type BackedUpNode, type Manifest } from './backup-manifest.ts';
import { withNodes } from '../../connect/with-nodes.ts';
import type { Session } from '../../session/session.ts';
import { observeWholeness, primariesAmong, requireWhole } from '../cluster/whole-cluster.ts';

/**
 * An RDB file of each primary, all of about the same moment, and who owned which slots, in a folder of their own. The
 * nodes serve on meanwhile. A backup that fails leaves no folder behind.
 *
 * @throws StackError USAGE when the folder isn't empty or the cluster isn't whole; CHANGED_MEANWHILE when slots moved
 */
export async function backUp(
  session: Session,
  place: string,
): Promise<{ readonly folder: string; readonly manifest: Manifest }> {
  const folder = resolve(place);
  await requireEmpty(folder);
  return withNodes(session, async (own) => {
    const { all: links } = own.patient(session.timeoutMs);
    const views = await requireWhole(session, links, 'be backed up');
    const manifest = await fillFolder(folder, async (write) => {
      const takenAt = new Date().toISOString();
      const primaries = primariesAmong(views, links);
      const nodes = await all(primaries.map(({ link, view }) => backUpNode(session, write, link, view)));
      await requireSameSlots(session, links, views);
      const [{ redisVersion, server } = { redisVersion: 'unknown', server: undefined }] = views;
      const written: Manifest = {
        version: 1,
        stack: session.spec.name,
        redisVersion,
        ...(server && { server }),
        takenAt,
        nodes: [...nodes],
      };
      await write(MANIFEST_FILE, [Buffer.from(`${JSON.stringify(written, null, 2)}\n`)]);
      return written;
    });
    return { folder, manifest };
  });
}

async function backUpNode(
  { engine, spec, report, signal, timeoutMs }: Session,
  write: WriteFile,
  link: NodeLink,
  { table: { myself } }: ReachableView,
): Promise<BackedUpNode> {
  const { name } = link;
  report({ subject: name, state: 'running', text: 'writes its keys to disk' });
  const { path, keyCount } = await saveNow(link, { signal, timeoutMs });
  const file = `${name}.rdb`;
  const chunks = await engine.openFile(containerName(spec.name, name), path);
  if (chunks === undefined) {
    throw new StackError('CLUSTER_UNHEALTHY', {
      message: `${name} has no ${path}, where it says that it wrote its keys`,
      hint: run(`logs ${name}`),
    });
  }
  report({ subject: name, state: 'running', text: 'its file is copied' });
  const written = await write(file, chunks);
  report({ subject: name, state: 'done', text: `${keyCount} keys in ${file}` });
  return { name, id: myself.id, file, ...written, keys: keyCount, slots: myself.slots.map(formatRange) };
}

/** A key that moved in the meantime may be in two files, or in none. */
async function requireSameSlots(
  session: Session,
  links: readonly NodeLink[],
  before: readonly ReachableView[],
): Promise<void> {
  const { views, problems } = await observeWholeness(session, links);
  const map = ([first]: readonly ReachableView[]): string => (first === undefined ? '' : slotMapText(first.table));
  if (problems.length === 0 && map(before) === map(views)) return;
  throw new StackError('CHANGED_MEANWHILE', {
    message:
      'the cluster changed while it was backed up: keys may be in two files, or in none; the folder was taken back',
    details: problems.length === 0 ? ['other nodes own some slots now'] : problems,
    hint: hint`${run('cluster wait')}   # then run the same command again`,
  });
}

/** Every result, or the first failure once none of them writes any more. */
async function all<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
