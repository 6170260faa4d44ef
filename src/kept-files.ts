import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from './errors.ts';

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
