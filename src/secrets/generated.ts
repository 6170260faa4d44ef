import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { createOnce, replaceFile } from '../kept-files.ts';
import { Secret } from '../secret.ts';
import type { SecretSource, StackSecret } from './source.ts';

/**
 * The password in a file of this machine. `replace` looks before it writes; of two that do it in the same millisecond, the
 * later wins, and the next `up` gives the nodes what is in the file.
 */
export function fileSource(file: string): SecretSource {
  const read = async (): Promise<StackSecret | undefined> => {
    const password = await readPassword(file);
    return password === undefined ? undefined : { password, tlsEnabled: undefined };
  };
  return {
    description: `the file ${file}`,
    file,
    read,
    create: async (password) => {
      await orUnreadable(file, createOnce(file, `${password.reveal()}\n`, 0o600));
      const kept = await read();
      if (kept === undefined) throw unreadable(file, 'it vanished while it was made', undefined);
      return kept;
    },
    replace: async (password, current) => {
      const kept = await readPassword(file);
      if (kept?.reveal() !== current.password.reveal()) {
        throw new StackError('SECRET_CHANGED', {
          message: `another process has just changed the password in ${file}`,
          hint: 'npx tsx manage.ts up   # gives it to every node',
        });
      }
      await orUnreadable(file, replaceFile(file, `${password.reveal()}\n`, 0o600));
    },
  };
}

/** 32 random bytes, in characters that need no quoting anywhere. */
export function randomPassword(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}

/** undefined where there is no such file. @throws StackError SECRET_UNREADABLE */
export async function readPassword(file: string): Promise<Secret | undefined> {
  try {
    const { mode } = await stat(file);
    const othersMayRead = process.platform !== 'win32' && (mode & 0o077) !== 0;
    if (othersMayRead) {
      throw new StackError('SECRET_UNREADABLE', {
        message: `the password file ${file} can be read by other users`,
        hint: `chmod 600 ${file}`,
      });
    }
    const password = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    if (password !== '') return new Secret(password);
  } catch (error) {
    if (error instanceof StackError) throw error;
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw unreadable(file, errorMessage(error), error);
  }
  throw new StackError('SECRET_UNREADABLE', {
    message: `the password file ${file} is empty`,
    hint: `rm ${file}   # the next \`up\` makes a new one`,
  });
}

async function orUnreadable(file: string, write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    throw unreadable(file, errorMessage(error), error);
  }
}

function unreadable(file: string, why: string, cause: unknown): StackError {
  return new StackError('SECRET_UNREADABLE', {
    message: `the password file ${file} can't be used: ${why}`,
    hint: 'Mend its permissions, or name another place with secrets.file in the YAML file.',
    cause,
  });
}
