import { resolve } from 'node:path';
import { parseInfo, type ReachableView } from '../../../cluster/nodes/view.ts';
import { StackError } from '../../../errors.ts';
import { copyFunctions } from '../../../redis/keys/copy-functions.ts';
import type { Copied } from '../../../redis/keys/copy-keys.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { Refusal } from '../../../redis/connect-node.ts';
import { readBackup } from './backup-folder.ts';
import type { Manifest } from './backup-manifest.ts';
import { keyCopier } from './copy-progress.ts';
import { withNodes } from '../../connect/with-nodes.ts';
import { withHelper } from './restore-helper.ts';
import type { Session } from '../../session/session.ts';
import { primariesAmong, requireWhole } from '../cluster/whole-cluster.ts';

interface RestoreResult {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly copiedCount: number;
  /** Keys whose time has come since the backup was taken. */
  readonly expiredCount: number;
  /** Keys that somebody else wrote meanwhile, and that were kept. */
  readonly existingCount: number;
  readonly existing: readonly Buffer[];
  readonly functionLibraryCount: number;
}

/**
 * Copies the keys and functions of a backup into the cluster, whatever number of nodes either has. Each file is read by a
 * Redis of its own, outside the cluster, and its keys go from there to the nodes that own their slots.
 *
 * @param replace overwrites keys of the same name: for a cluster that isn't empty, or a restore that was killed
 * @throws StackError BACKUP_INVALID, USAGE before anything is changed; see `copyKeys` for later
 */
export async function restoreBackup(
  session: Session,
  place: string,
  { replace }: { readonly replace: boolean },
): Promise<RestoreResult> {
  const folder = resolve(place);
  const manifest = await readBackup(folder);
  return withNodes(session, async (own) => {
    const { all: links } = own.patient(session.timeoutMs);
    const views = await requireWhole(session, links, 'take a backup');
    if (!replace) requireNoKeys(views);
    const primaries = primariesAmong(views, links).map(({ link }) => link);
    const copy = keyCopier(session, links, replace);
    const counts: FileCounts[] = [];
    for (const node of manifest.nodes) {
      const restored = await withHelper(session, folder, node, async (helper) => {
        const functionLibraryCount = await copyFunctions(helper, primaries);
        return { functionLibraryCount, ...(await copyFile(helper, copy)) };
      });
      session.report({ subject: node.file, state: 'done', text: `${restored.copiedCount} keys copied` });
      counts.push(restored);
    }
    const sum = (count: (one: FileCounts) => number): number => counts.reduce((total, one) => total + count(one), 0);
    return {
      folder,
      manifest,
      copiedCount: sum(({ copiedCount }) => copiedCount),
      expiredCount: sum(({ expiredCount }) => expiredCount),
      existingCount: sum(({ existingCount }) => existingCount),
      existing: counts.flatMap(({ existing }) => existing),
      // Every primary has all of them, and so has every file.
      functionLibraryCount: Math.max(...counts.map(({ functionLibraryCount }) => functionLibraryCount)),
    };
  });
}

type FileCounts = Omit<Copied, 'vanishedCount'> & {
  readonly expiredCount: number;
  readonly functionLibraryCount: number;
};

function requireNoKeys(views: readonly ReachableView[]): void {
  const holders = views.filter(({ table, keyCount }) => table.myself.role === 'primary' && keyCount > 0);
  if (holders.length === 0) return;
  throw new StackError('USAGE', {
    message: 'the cluster holds keys already; nothing was changed',
    details: holders.map(({ name, keyCount }) => `${name}: ${keyCount} keys`),
    hint: 'Run it with --replace: keys of the same name are overwritten, all others stay. A restore that was stopped goes on so.',
  });
}

/** @throws StackError BACKUP_FAILED when a key of the file was neither copied nor has expired */
async function copyFile(
  helper: NodeLink,
  copy: ReturnType<typeof keyCopier>,
): Promise<Omit<FileCounts, 'functionLibraryCount'>> {
  const before = await readCounts(helper);
  const copied = await copy({ link: helper, prelude: [], sharesClock: await tellsExpiry(helper) });
  const { expired } = await readCounts(helper);
  const goneCount = before.keys - copied.copiedCount - copied.existingCount;
  if (goneCount >= 0 && goneCount <= expired - before.expired) {
    return { ...copied, expiredCount: before.expiredOnLoad + goneCount };
  }
  throw new StackError('BACKUP_FAILED', {
    message: `the file holds ${before.keys} keys, of which ${copied.copiedCount} were copied and ${expired - before.expired} have expired`,
    hint: 'Run the same command again with --replace.',
  });
}

/** It runs beside the nodes, so its clock is theirs; PEXPIRETIME came with Redis 7. */
async function tellsExpiry(helper: NodeLink): Promise<boolean> {
  const [reply] = await helper.sendAll([['PEXPIRETIME', '']]);
  return !(reply instanceof Refusal);
}

interface Counts {
  readonly keys: number;
  /** Since the helper was started, but for those of the file whose time had come before that. */
  readonly expired: number;
  /** Told since Redis 7. */
  readonly expiredOnLoad: number;
}

async function readCounts(link: NodeLink): Promise<Counts> {
  const [keys, info] = await link.sendAll([['DBSIZE'], ['INFO']]);
  const fields = parseInfo(String(info));
  const count = (name: string): number => Number(fields.get(name) ?? 0);
  return {
    keys: Number(keys),
    expired: count('expired_keys'),
    expiredOnLoad: count('rdb_last_load_keys_expired'),
  };
}
