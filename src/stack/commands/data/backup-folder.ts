import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../../../errors.ts';
import { MANIFEST_FILE, parseManifest, type BackedUpNode, type Manifest } from './backup-manifest.ts';

interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** @throws StackError USAGE unless `folder` can be made, or is there and empty */
export async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new StackError('USAGE', {
      message: `${folder} can't hold a backup: ${errorMessage(error)}; nothing was changed`,
      hint: 'Name a folder that is not there yet.',
    });
  });
  if (names.length === 0) return;
  const isUnfinished = !names.includes(MANIFEST_FILE) && names.every((name) => /\.rdb(\.unfinished)?$/.test(name));
  throw new StackError('USAGE', {
    message: `${folder} is not empty; nothing was changed`,
    hint: isUnfinished
      ? `rm -r ${folder}   # it holds a backup that was never finished; or name another folder`
      : 'Name a folder that is empty, or not there yet.',
  });
}

/** Writes one file into the folder that is being filled. */
export type WriteFile = (name: string, chunks: AsyncIterable<Buffer> | readonly Buffer[]) => Promise<WrittenFile>;

/**
 * Has `work` fill an empty folder. When it fails, what it wrote is taken back: half a backup is none.
 *
 * @throws StackError USAGE where the folder can't be made, or isn't empty
 */
export async function fillFolder<T>(folder: string, work: (write: WriteFile) => Promise<T>): Promise<T> {
  await requireEmpty(folder);
  let made: string | undefined;
  try {
    made = await mkdir(folder, { recursive: true, mode: 0o700 });
    // Values are as secret as the password that keeps them.
    await chmod(folder, 0o700);
  } catch (error) {
    throw new StackError('USAGE', {
      message: `the folder ${folder} can't be created: ${errorMessage(error)}; nothing was changed`,
      hint: 'Name a folder that this user may write.',
    });
  }
  const written: string[] = [];
  try {
    return await work(async (name, chunks) => {
      const file = await writeDurably(folder, name, chunks);
      written.push(name);
      return file;
    });
  } catch (error) {
    await Promise.all(written.map((name) => rm(join(folder, name), { force: true })));
    // Refused where somebody else has put something into it.
    if (made !== undefined) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/**
 * All or nothing, and on the disk when it returns: under its own name the file is whole.
 *
 * @throws StackError BACKUP_FAILED for what the file system refuses; whatever the chunks fail with
 */
async function writeDurably(folder: string, name: string, chunks: Parameters<WriteFile>[1]): Promise<WrittenFile> {
  const file = join(folder, name);
  const draft = `${file}.unfinished`;
  const hash = createHash('sha256');
  let bytes = 0;
  await onDisk(file, async () => {
    const handle = await open(draft, 'wx', 0o600);
    try {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        await writeAll(handle, chunk);
      }
      await handle.sync();
      await rename(draft, file);
    } finally {
      await handle.close();
      await rm(draft, { force: true });
    }
    // The name is in the folder, and that is a file of its own.
    const directory = await open(folder, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
}

async function onDisk(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StackError || systemErrorCode(error) === undefined) throw error;
    throw new StackError('BACKUP_FAILED', {
      message: `${file} could not be written: ${errorMessage(error)}`,
      hint: 'Make room, or name a folder on another disk.',
      cause: error,
    });
  }
}

/**
 * The manifest of a backup all of whose files are there, byte for byte.
 *
 * @throws StackError BACKUP_INVALID with everything that is wrong
 */
export async function readBackup(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch((error: unknown) => {
    throw invalid(folder, 'it is no backup, or one that was never finished', [
      `${MANIFEST_FILE}: ${errorMessage(error)}`,
    ]);
  });
  const parsed = parseManifest(text);
  if ('problems' in parsed) {
    throw invalid(
      folder,
      `its ${MANIFEST_FILE} can't be understood`,
      parsed.problems.map((problem) => `${MANIFEST_FILE}: ${problem}`),
    );
  }
  const { manifest } = parsed;
  const problems = (await Promise.all(manifest.nodes.map((node) => findDamage(folder, node)))).flat();
  if (problems.length > 0) throw invalid(folder, 'its files are not what was written', problems);
  return manifest;
}

async function findDamage(folder: string, { file, bytes, sha256 }: BackedUpNode): Promise<string[]> {
  try {
    const { size } = await stat(join(folder, file));
    if (size !== bytes) return [`${file}: it has ${size} bytes instead of ${bytes}`];
    const hash = createHash('sha256');
    for await (const chunk of readChunks(folder, file)) hash.update(chunk);
    return hash.digest('hex') === sha256 ? [] : [`${file}: its SHA-256 is another than ${MANIFEST_FILE} says`];
  } catch (error) {
    return [`${file}: ${errorMessage(error)}`];
  }
}

export function readChunks(folder: string, file: string): AsyncIterable<Buffer> {
  return createReadStream(join(folder, file), { highWaterMark: 1024 ** 2 });
}

function invalid(folder: string, why: string, details: readonly string[]): StackError {
  return new StackError('BACKUP_INVALID', {
    message: `${folder} can't be restored: ${why}; nothing was changed`,
    details,
    hint: 'Name a folder that cluster backup has written, with every file as it was.',
  });
}
