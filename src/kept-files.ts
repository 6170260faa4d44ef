import { randomBytes } from 'node:crypto';
import { access, chmod, chown, constants, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from './errors.ts';
import { quoted } from './hint.ts';

/** Whose a secret file is: its owner's alone, or of those, too, who are of its folder's group and may write there. */
export type Circle = 'owner' | 'group';

/**
 * The text of a file that only its circle may use; undefined where there is none. `what` is how a message calls it.
 *
 * @throws StackError SECRET_UNREADABLE when it can't be read, or is open to other users.
 */
export async function readPrivateFile(
  file: string,
  what: string,
  circle: Circle = 'owner',
): Promise<string | undefined> {
  return orUnreadable(file, what, async () => {
    const others = othersOf(circle);
    try {
      const { mode } = await stat(file);
      const othersMayUse = process.platform !== 'win32' && (mode & others) !== 0;
      if (!othersMayUse) return await readFile(file, 'utf8');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    throw new StackError('SECRET_UNREADABLE', {
      message: `${what} ${file} can be read or changed by other users`,
      hint: circle === 'owner' ? `chmod 600 ${file}` : `chmod o= ${file}`,
    });
  });
}

/** The rights that nobody outside of the circle may have. */
export function othersOf(circle: Circle): number {
  return circle === 'owner' ? 0o077 : 0o007;
}

/** @throws StackError SECRET_UNREADABLE for whatever the file system refuses. */
export async function orUnreadable<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StackError) throw error;
    const { why, hint } = await explainRefusal(file, error);
    throw unreadable(file, what, why, hint, error);
  }
}

export function unreadable(file: string, what: string, why: string, hint: string, cause?: unknown): StackError {
  return new StackError('SECRET_UNREADABLE', { message: `${what} ${file} can't be used: ${why}`, hint, cause });
}

interface Refusal {
  readonly why: string;
  readonly hint: string;
}

/** Why files can't be kept in a folder, or read from it; undefined where they can. It need not be there yet. */
export async function findRefusal(folder: string): Promise<Refusal | undefined> {
  const { R_OK, W_OK, X_OK } = constants;
  try {
    // With the dot, a file in its place is none.
    await access(`${folder}/.`, R_OK | W_OK | X_OK);
    return undefined;
  } catch (error) {
    const isRoot = dirname(folder) === folder;
    return systemErrorCode(error) === 'ENOENT' && !isRoot
      ? findRefusal(dirname(folder))
      : explainRefusal(folder, error);
  }
}

/** What the file system refuses at `path`, and what to do about it. */
export async function explainRefusal(path: string, error: unknown): Promise<Refusal> {
  const code = systemErrorCode(error);
  // So says mkdir of Node.js, with `recursive`, of a file system that is read-only.
  const found = code === 'ENOENT' ? await findRefusal(dirname(path)) : undefined;
  return found ?? toRefusal(path, { code, message: errorMessage(error) }, await findOwners(path));
}

/** What is there of a path, the path itself or what is nearest to it first, up to the root. */
type Owners = readonly { readonly path: string; readonly isOwn: boolean; readonly owner: string }[];

async function findOwners(path: string): Promise<Owners> {
  const uid = await stat(path).then(
    (found) => found.uid,
    () => undefined,
  );
  const owner = uid === 0 ? 'root' : `the user ${uid ?? ''}`;
  const here = uid === undefined ? [] : [{ path, isOwn: uid === (process.getuid?.() ?? uid), owner }];
  return dirname(path) === path ? here : [...here, ...(await findOwners(dirname(path)))];
}

const ELSEWHERE = 'export XDG_STATE_HOME=/a/folder/you/can/write   # or set secrets.file in the YAML file';

export function toRefusal(
  path: string,
  { code, message }: { readonly code: string | undefined; readonly message: string },
  owners: Owners,
): Refusal {
  if (code === 'EROFS') return { why: message, hint: ELSEWHERE };
  if (code === 'ENOSPC' || code === 'EDQUOT') return { why: message, hint: `Make room there, or: ${ELSEWHERE}` };
  const [nearest] = owners;
  if ((code !== 'EACCES' && code !== 'EPERM') || nearest === undefined) {
    return { why: message, hint: `ls -ld ${quoted(path)}; ${ELSEWHERE}` };
  }
  if (nearest.isOwn) return { why: message, hint: `chmod -R u+rwX ${quoted(nearest.path)}` };
  const why = `${message}: ${nearest.path} belongs to ${nearest.owner}`;
  // All that others have made in a folder of this user's. What is in nobody's but theirs stays theirs.
  const given = owners[owners.findIndex(({ isOwn }) => isOwn) - 1];
  return { why, hint: given === undefined ? ELSEWHERE : `sudo chown -R $(id -u) ${quoted(given.path)}` };
}

/** All or nothing, and never over what is there: of two processes that do it at once, the later's content is dropped. */
export async function createOnce(file: string, content: string, mode: number, circle?: Circle): Promise<void> {
  await withDraft(file, content, { mode, circle }, async (draft) => {
    try {
      await link(draft, file);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  });
}

/** All or nothing: whoever reads at the same time gets the old content or the new one, whole. */
export async function replaceFile(
  file: string,
  content: string | Uint8Array,
  mode: number,
  circle?: Circle,
): Promise<void> {
  await withDraft(file, content, { mode, circle }, (draft) => rename(draft, file));
}

async function withDraft(
  file: string,
  content: string | Uint8Array,
  { mode, circle = 'owner' }: { readonly mode: number; readonly circle: Circle | undefined },
  put: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(draft, content, { mode, flag: 'wx' });
    const { mode: rights, gid } = await stat(folder);
    const isOfGroup = circle === 'group' && (rights & 0o020) !== 0;
    if (isOfGroup) await chown(draft, -1, gid);
    // The umask may have taken rights away.
    await chmod(draft, isOfGroup ? mode | 0o060 : mode);
    await put(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
