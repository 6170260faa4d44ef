import { randomBytes } from 'node:crypto';
import { StackError } from '../errors.ts';
import { hint, run } from '../hint.ts';
import { createOnce, orUnreadable, readPrivateFile, replaceFile, unreadable, type Circle } from '../kept-files.ts';
import { Secret } from '../secret.ts';

/** Where a stack's password is kept, and decided. */
export interface SecretSource {
  /** For messages: `the file /…/password`, `Vault, secret/redis-1, field password`. */
  readonly description: string;
  /** A file: reading it asks no server, and it is made on first use. undefined for a server. */
  readonly file: string | undefined;
  /**
   * undefined where nothing is kept yet and this program makes it on first use.
   *
   * @throws StackError SECRET_MISSING where nothing is kept and that is for a person to do.
   */
  read(): Promise<StackSecret | undefined>;
  /** Keeps `password`, only where nothing is kept yet. @returns what is kept then: another process may have been first. */
  create(password: Secret): Promise<StackSecret>;
  /** Keeps `password` instead of `current`. @throws StackError SECRET_CHANGED where something else is kept by now. */
  replace(password: Secret, current: StackSecret): Promise<void>;
}

export interface StackSecret {
  readonly password: Secret;
  /** Whether TLS is wanted, where the source says so. */
  readonly tlsEnabled: boolean | undefined;
}

/** How messages call it. */
const WHAT = 'the password file';

/**
 * The password in a file. `replace` looks before it writes; of two that do it in the same millisecond, the later wins, and
 * the next `up` gives the nodes what is in the file.
 */
export function fileSource(file: string, circle?: Circle): SecretSource {
  const read = async (): Promise<StackSecret | undefined> => {
    const password = await readPassword(file, circle);
    return password === undefined ? undefined : { password, tlsEnabled: undefined };
  };
  return {
    description: `the file ${file}`,
    file,
    read,
    create: async (password) => {
      await orUnreadable(file, WHAT, () => createOnce(file, `${password.reveal()}\n`, 0o600, circle));
      const kept = await read();
      if (kept === undefined) throw unreadable(file, WHAT, 'it disappeared while it was created', `ls -ld ${file}`);
      return kept;
    },
    replace: async (password, current) => {
      const kept = await readPassword(file, circle);
      if (kept?.reveal() !== current.password.reveal()) {
        throw new StackError('SECRET_CHANGED', {
          message: `another process has just changed the password in ${file}`,
          hint: hint`${run('up')}   # gives it to every node`,
        });
      }
      await orUnreadable(file, WHAT, () => replaceFile(file, `${password.reveal()}\n`, 0o600, circle));
    },
  };
}

/** 32 random bytes, in characters that need no quoting anywhere. */
export function randomPassword(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}

/** undefined where there is no such file. @throws StackError SECRET_UNREADABLE */
export async function readPassword(file: string, circle?: Circle): Promise<Secret | undefined> {
  const password = (await readPrivateFile(file, WHAT, circle))?.replace(/\r?\n$/, '');
  if (password !== '') return password === undefined ? undefined : new Secret(password);
  throw new StackError('SECRET_UNREADABLE', {
    message: `the password file ${file} is empty`,
    hint: `rm ${file}   # the next \`up\` creates a new one`,
  });
}
