import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { Secret } from '../../secret.ts';
import { homeFolder } from '../../user-folders.ts';
import { apiPath, nameOf } from './vault-address.ts';
import { callVault } from './vault-call.ts';
import { strange } from './vault-errors.ts';
import { dig, type VaultChannel } from './vault-http.ts';

/**
 * The token of `tokenFile`, else of VAULT_TOKEN, else of the file that `vault login` leaves in the home folder. It isn't
 * tried out: the first call does that.
 *
 * @throws StackError VAULT_TOKEN_INVALID where there is none; SECRET_UNREADABLE.
 */
export async function presentToken(
  { address }: VaultChannel,
  tokenFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Secret> {
  if (tokenFile !== undefined) return headerSafe(await credential(tokenFile, 'the token file', 'private'), tokenFile);
  const variable = env['VAULT_TOKEN']?.trim();
  if (variable) return headerSafe(variable, 'VAULT_TOKEN');
  const file = join(homeFolder(env), '.vault-token');
  if (await exists(file)) return headerSafe(await credential(file, 'the token file', 'private'), file);
  throw new StackError('VAULT_TOKEN_INVALID', {
    message: `there is no token for ${nameOf(address)}: neither in VAULT_TOKEN nor in ${file}`,
    hint: `vault login -address=${address.url}   # or name a file with secrets.auth.tokenFile`,
  });
}

/**
 * The token that AppRole gives for the files role-id and secret-id in `folder`. (Vault API, "AppRole auth method": "Login
 * with AppRole".)
 *
 * @throws StackError SECRET_UNREADABLE, VAULT_LOGIN_FAILED, and what `callVault` throws.
 */
export async function logInWithAppRole(channel: VaultChannel, mount: string, folder: string): Promise<Secret> {
  const { address } = channel;
  const roleId = await credential(join(folder, 'role-id'), 'the AppRole file', 'public');
  const secretId = await credential(join(folder, 'secret-id'), 'the AppRole file', 'private');
  const asked = `to log in with AppRole at auth/${mount}`;
  const answer = await callVault(
    channel,
    {
      method: 'POST',
      path: `auth/${apiPath(address, mount)}/login`,
      body: { role_id: roleId, secret_id: secretId },
      confidential: [new Secret(roleId), new Secret(secretId)],
    },
    { asked, isRepeatable: true },
  );
  if (answer.status !== 200) {
    throw new StackError('VAULT_LOGIN_FAILED', {
      message: `${nameOf(address)} refused ${asked}: status ${answer.status}`,
      hint: `vault write -field=secret_id -f auth/${mount}/role/NAME/secret-id   # a new one for ${join(folder, 'secret-id')}; does role-id fit?`,
      details: answer.errors,
    });
  }
  const token = dig(answer.body, 'auth', 'client_token');
  if (typeof token === 'string' && token !== '') return new Secret(token);
  throw strange(address, asked, 'answered without a token');
}

/** Frees what the login took in Vault. Best effort: a token that stays runs out by itself. */
export async function logOut(channel: VaultChannel): Promise<void> {
  const brief = { ...channel, bounds: { ...channel.bounds, timeoutMs: Math.min(channel.bounds.timeoutMs, 1000) } };
  const request = { method: 'POST', path: 'auth/token/revoke-self' } as const;
  await callVault(brief, request, { asked: 'to revoke its token', isRepeatable: false }).catch(() => undefined);
}

/** A text file without the white space around its content, which editors and `echo` leave there. */
async function credential(file: string, what: string, access: 'public' | 'private'): Promise<string> {
  try {
    const { mode } = await stat(file);
    if (access === 'private' && process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw unreadable(`${what} ${file} can be read by other users`, `chmod 600 ${file}`);
    }
    const text = (await readFile(file, 'utf8')).trim();
    if (text !== '') return text;
  } catch (error) {
    if (error instanceof StackError) throw error;
    const why = systemErrorCode(error) === 'ENOENT' ? "doesn't exist" : `can't be read: ${errorMessage(error)}`;
    throw unreadable(`${what} ${file} ${why}`, `ls -l ${file}   # secrets.auth in the YAML file says where it is`);
  }
  throw unreadable(
    `${what} ${file} is empty`,
    `Write it again: secrets.auth in the YAML file says that it is ${file}.`,
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw unreadable(`the token file ${file} can't be read: ${errorMessage(error)}`, `ls -l ${file}`);
  }
}

/** What can't stand in an HTTP header is no token; an HTTP library would quote it in its complaint. */
function headerSafe(token: string, source: string): Secret {
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token);
  throw new StackError('VAULT_TOKEN_INVALID', {
    message: `what ${source} holds is no token of Vault: it has spaces, line breaks or other characters in it`,
    hint: 'vault login   # leaves a token in ~/.vault-token',
  });
}

function unreadable(message: string, hint: string): StackError {
  return new StackError('SECRET_UNREADABLE', { message, hint });
}
