import { StackError } from '../../errors.ts';

/** Where Vault is, and which setting said so: what a failure has to name. */
export interface VaultAddress {
  /** Without a slash at its end, a user name or a password. */
  readonly url: string;
  readonly setting: 'secrets.address' | 'VAULT_ADDR';
}

/** Where a secret is: `path` below the KV engine mounted at `mount`. Both may have folders, divided by slashes. */
export interface SecretPlace {
  readonly mount: string;
  readonly path: string;
}

/**
 * The address of the YAML file, else that of the environment variable VAULT_ADDR.
 *
 * Unlike the vault command, it assumes no https://127.0.0.1:8200: whoever forgot the address would be told that nothing
 * listens there.
 *
 * @throws StackError VAULT_UNREACHABLE where there is none, or it is no http or https URL, or it holds a password.
 */
export function vaultAddress(address: string | undefined, env: NodeJS.ProcessEnv): VaultAddress {
  const setting = address === undefined ? 'VAULT_ADDR' : 'secrets.address';
  const text = address ?? env['VAULT_ADDR'] ?? '';
  if (text === '') {
    throw new StackError('VAULT_UNREACHABLE', {
      message: 'no address of Vault is set: neither secrets.address nor VAULT_ADDR',
      hint: 'export VAULT_ADDR=https://vault.example:8200   # or set secrets.address in the YAML file',
    });
  }
  const url = parseUrl(text);
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    // The text itself stays out of it: what can't be parsed may still hold a password.
    throw unusable(setting, 'is no http or https URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw unusable(setting, `(${url.host}) holds a user name or a password, which Vault has no use for`);
  }
  return { url: url.origin + url.pathname.replace(/\/+$/, ''), setting };
}

/** `Vault at https://vault.example:8200`, as every failure calls it. */
export function nameOf(address: VaultAddress): string {
  return `Vault at ${address.url}`;
}

/** `secret/redis`, as a person writes it. */
export function placeText({ mount, path }: SecretPlace): string {
  return [...segmentsOf(mount), ...segmentsOf(path)].join('/');
}

/**
 * The path of a call below /v1/: each name escaped, so that a `?` or a `#` in it stays part of it.
 *
 * @throws StackError VAULT_FAILED where a name is `.` or `..`: they would lead to another call than the one that is meant.
 */
export function apiPath(address: VaultAddress, ...parts: readonly string[]): string {
  const segments = parts.flatMap(segmentsOf);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new StackError('VAULT_FAILED', {
      message: `${nameOf(address)} can't be asked for ${segments.join('/')}: a path has no . or .. in it`,
      hint: 'Correct the mount and the path in the YAML file.',
    });
  }
  return segments.map((segment) => encodeURIComponent(segment)).join('/');
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function unusable(setting: VaultAddress['setting'], why: string): StackError {
  return new StackError('VAULT_UNREACHABLE', {
    message: `the address of Vault in ${setting} ${why}`,
    hint: `Give ${setting} an address like https://vault.example:8200`,
  });
}
