import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../../../errors.ts';
import { hint, quoted, run } from '../../../hint.ts';
import { replaceFile } from '../../../kept-files.ts';
import { marksOf, withBlock } from '../../../marked-block.ts';

const MARKS = marksOf('redis-cluster');

/**
 * Puts `content` into the block of a file, whole or not at all. A file that holds a secret becomes its owner's alone.
 *
 * @returns whether anything was changed
 * @throws StackError USAGE, with nothing changed
 */
export async function writeBlock(path: string, content: string, isSecret: boolean): Promise<boolean> {
  const failed = (why: string, cause?: unknown): StackError =>
    new StackError('USAGE', { message: `${path} can't be written: ${why}`, hint: `ls -ld ${quoted(path)}`, cause });
  try {
    // What a link leads to is written, and the link stays.
    const file = await realpath(path).catch(() => resolve(path));
    if (!(await stat(dirname(file))).isDirectory()) throw failed(`${dirname(file)} is no folder`);
    const before = await readIfThere(file);
    // One character a byte, so that what is no UTF-8 stays as it is.
    const text = before?.bytes.toString('latin1') ?? '';
    const next = withBlock(text, MARKS, Buffer.from(content).toString('latin1'));
    if (next === undefined) {
      throw new StackError('USAGE', {
        message: `${path} holds not one whole block between '${MARKS.first}' and '${MARKS.last}': nothing was changed`,
        hint: hint`Delete these lines and what is left between them, then: ${run(`env --write ${quoted(path)}`)}`,
      });
    }
    const mode = isSecret ? 0o600 : (before?.mode ?? 0o644);
    if (next === text && mode === before?.mode) return false;
    await replaceFile(file, Buffer.from(next, 'latin1'), mode);
    return true;
  } catch (error) {
    throw error instanceof StackError ? error : failed(errorMessage(error), error);
  }
}

async function readIfThere(file: string): Promise<{ readonly bytes: Buffer; readonly mode: number } | undefined> {
  try {
    const found = await stat(file);
    // A device would be replaced by a file.
    if (!found.isFile()) throw new Error('it is there, and no file');
    const { mode } = found;
    return { bytes: await readFile(file), mode: mode & 0o777 };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
