import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { Secret } from '../secret.ts';

/** Where a stack's generated password is kept when the YAML file names no place. Outside any checkout, so that all share it. */
export function defaultPasswordFile(stack: string, env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(state, 'redis-cluster-as-code', stack, 'password');
}

/**
 * The password in `file`. Where there is no file yet, it is made: with the password that `recover` finds in a container
 * that already runs, else with 32 random bytes. Two processes that do this at once end up with the same password.
 *
 * @throws StackError SECRET_UNREADABLE when the file can't be read, is empty, or is open to other users.
 */
export async function generatedPassword(file: string, recover: () => Promise<string | undefined>): Promise<Secret> {
  const present = await readPassword(file);
  if (present !== undefined) return present;
  const password = (await recover()) ?? randomBytes(32).toString('base64url');
  await createOnce(file, password);
  const kept = await readPassword(file);
  if (kept === undefined) throw unreadable(file, 'it vanished while it was made', undefined);
  return kept;
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

/** All or nothing: a link appears with its content, and fails where another process was first. */
async function createOnce(file: string, password: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${password}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(draft, 0o600);
    await link(draft, file);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw unreadable(file, errorMessage(error), error);
  } finally {
    await rm(draft, { force: true });
  }
}

function unreadable(file: string, why: string, cause: unknown): StackError {
  return new StackError('SECRET_UNREADABLE', {
    message: `the password file ${file} can't be used: ${why}`,
    hint: 'Mend its permissions, or name another place with secrets.file in the YAML file.',
    cause,
  });
}
