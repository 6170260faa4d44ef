import { dirname, join, resolve } from 'node:path';
import type { Bounds } from '../../bounds.ts';
import type { Circle } from '../../kept-files.ts';
import { fileSource, type SecretSource } from '../../secrets/source.ts';
import { vaultSource } from '../../secrets/vault/vault-source.ts';
import { connectVault, type Vault } from '../../secrets/vault/vault.ts';
import type { Spec } from '../../spec/spec.ts';
import type { LoadedStack } from './load.ts';
import { homeFolder, stateFolder } from '../../user-folders.ts';

export interface OpenedSource {
  readonly source: SecretSource;
  /** Logs in at the first call. Where the stack has no Vault, it has none for certificates either. */
  readonly vault: (() => Promise<Vault>) | undefined;
  /** Gives back what a login gave. Never fails. */
  readonly close: () => Promise<void>;
}

/** Where the YAML file says that the password is. Nothing is asked or read yet. */
export function openSource(
  stack: LoadedStack,
  surroundings: Bounds & { readonly env: NodeJS.ProcessEnv },
): OpenedSource {
  const { secrets } = stack.spec;
  const { env } = surroundings;
  if (secrets.provider === 'generated') {
    const source = fileSource(passwordFile(stack, secrets.file, env), circleOf(stack));
    return { source, vault: undefined, close: async () => undefined };
  }

  const { address, namespace, caFile, mount, path, field } = secrets;
  let connected: Promise<Vault> | undefined;
  const vault = (): Promise<Vault> =>
    (connected ??= connectVault(
      {
        address,
        namespace,
        caFile: caFile === undefined ? undefined : besides(stack, caFile, env),
        auth: toAuth(stack, secrets.auth, env),
      },
      env,
      surroundings,
    ));
  const close = async (): Promise<void> => {
    const opened = await connected?.catch(() => undefined);
    await opened?.close();
  };
  return { source: vaultSource(vault, { mount, path }, field), vault, close };
}

/** A path of the YAML file: relative to it, with ~ for the home folder. */
export function besides({ path }: Pick<LoadedStack, 'path'>, file: string, env: NodeJS.ProcessEnv): string {
  return resolve(
    dirname(path),
    file.replace(/^~(?=\/|$)/, () => homeFolder(env)),
  );
}

/** Where the stack's password and authority are kept: with this user's own state, or where all who operate it share them. */
export function keptFolder(stack: Pick<LoadedStack, 'path' | 'spec'>, env: NodeJS.ProcessEnv): string {
  const { shared } = stack.spec.secrets;
  return shared === undefined ? stateFolder(stack.spec.name, env) : besides(stack, shared, env);
}

/** Who may use what is kept there. */
export function circleOf({ spec }: Pick<LoadedStack, 'spec'>): Circle {
  return spec.secrets.shared === undefined ? 'owner' : 'group';
}

function passwordFile(stack: LoadedStack, file: string | undefined, env: NodeJS.ProcessEnv): string {
  return file === undefined ? join(keptFolder(stack, env), 'password') : besides(stack, file, env);
}

type VaultAuth = Extract<Spec['secrets'], { provider: 'vault' }>['auth'];

function toAuth(stack: LoadedStack, auth: VaultAuth, env: NodeJS.ProcessEnv): VaultAuth {
  if (auth.method === 'approle') return { ...auth, folder: besides(stack, auth.folder, env) };
  return auth.tokenFile === undefined ? auth : { ...auth, tokenFile: besides(stack, auth.tokenFile, env) };
}
