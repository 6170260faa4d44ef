import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from './errors.ts';

/**
 * The text of a file that only its owner may use; undefined where there is none. `what` is how a message calls it.
 *
 * @throws StackError SECRET_UNREADABLE when it can't be read, or is open to other users.
 */
export async function readPrivateFile(file: string, what: string): Promise<string | undefined> {
  return orUnreadable(file, what, async () => {
    try {
      const { mode } = await stat(file);
      const othersMayUse = process.platform !== 'win32' && (mode & 0o077) !== 0;
      if (!othersMayUse) return await readFile(file, 'utf8');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    throw new StackError('SECRET_UNREADABLE', {
      message: `${what} ${file} can be read or changed by other users`,
      hint: `chmod 600 ${file}`,
    });
  });
}

/** @throws StackError SECRET_UNREADABLE for whatever the file system refuses. */
export async function orUnreadable<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw unreadable(file, what, errorMessage(error), error);
  }
}

export function unreadable(file: string, what: string, why: string, cause: unknown): StackError {
  return new StackError('SECRET_UNREADABLE', {
    message: `${what} ${file} can't be used: ${why}`,
    hint: `Correct the permissions of the file and its folder: ls -ld ${file}`,
    cause,
  });
}

/** All or nothing, and never over what is there: of two processes that do it at once, the later's content is dropped. */
export async function createOnce(file: string, content: string, mode: number): Promise<void> {
  await withDraft(file, content, mode, async (draft) => {
    try {
      await link(draft, file);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  });
}

/** All or nothing: whoever reads at the same time gets the old content or the new one, whole. */
export async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await withDraft(file, content, mode, (draft) => rename(draft, file));
}

async function withDraft(
  file: string,
  content: string,
  mode: number,
  put: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await writeFile(draft, content, { mode, flag: 'wx' });
    // The umask may have taken rights away.
    await chmod(draft, mode);
    await put(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
