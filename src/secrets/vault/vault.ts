import { readFile } from 'node:fs/promises';
import type { Bounds } from '../../bounds.ts';
import { errorMessage, StackError } from '../../errors.ts';
import { vaultAddress, type SecretPlace } from './vault-address.ts';
import type { VaultSecret } from './vault-fields.ts';
import { openChannel, type VaultChannel } from './vault-http.ts';
import { locateKv, readKv, writeKv, type KvPlace } from './vault-kv.ts';
import { logInWithAppRole, logOut, presentToken } from './vault-login.ts';
import { issueCertificate, type CertificateRequest, type IssuedCertificate } from './vault-pki.ts';

export interface VaultSettings {
  /** VAULT_ADDR otherwise. */
  readonly address?: string | undefined;
  /** VAULT_NAMESPACE otherwise. */
  readonly namespace?: string | undefined;
  /** Absolute path of a PEM file; VAULT_CACERT otherwise. */
  readonly caFile?: string | undefined;
  readonly auth:
    | {
        readonly method: 'token';
        /** Absolute path; VAULT_TOKEN otherwise, then ~/.vault-token. */
        readonly tokenFile?: string | undefined;
      }
    | {
        readonly method: 'approle';
        readonly mount: string;
        /** Absolute path of the folder with the files role-id and secret-id. */
        readonly folder: string;
      };
}

/** A Vault of HashiCorp, or an OpenBao, with a token that it accepts or is about to refuse. */
export interface Vault {
  readonly address: string;
  /**
   * undefined where the path holds nothing: nothing was ever written, or its newest version is deleted.
   *
   * @throws StackError VAULT_*; SECRET_MISSING where no KV engine is mounted there.
   */
  readSecret(place: SecretPlace): Promise<VaultSecret | undefined>;
  /**
   * Writes all of `fields`, if the secret is still what `expected` says (undefined: not there). A `Secret` among them is
   * written in clear. To change one field of many: `{ ...secret.fields, password }`.
   *
   * KV version 1 has no check-and-set: there, two writers in the same moment may both believe that they won.
   *
   * @throws StackError SECRET_CHANGED, VAULT_*
   */
  writeSecret(
    place: SecretPlace,
    fields: Readonly<Record<string, unknown>>,
    expected: VaultSecret | undefined,
  ): Promise<void>;
  /** @throws StackError VAULT_* */
  issueCertificate(
    place: { readonly mount: string; readonly role: string },
    request: CertificateRequest,
  ): Promise<IssuedCertificate>;
  /** Never fails. What an AppRole login gave is given back. */
  close(): Promise<void>;
}

/**
 * TLS is always verified: VAULT_SKIP_VERIFY is ignored on purpose, since who answers gets the token.
 *
 * @param bounds For each call, not for all of them together; a call takes 5 s at most.
 * @throws StackError VAULT_*; SECRET_UNREADABLE where a file with credentials is missing, empty or open to others.
 */
export async function connectVault(settings: VaultSettings, env: NodeJS.ProcessEnv, bounds: Bounds): Promise<Vault> {
  const address = vaultAddress(settings.address, env);
  const namespace = settings.namespace ?? (env['VAULT_NAMESPACE'] || undefined);
  const channel = await openChannel(address, namespace, await authorities(settings, env), bounds);
  try {
    const { auth } = settings;
    const token =
      auth.method === 'approle'
        ? await logInWithAppRole(channel, auth.mount, auth.folder)
        : await presentToken(channel, auth.tokenFile, env);
    return vaultOn({ ...channel, token }, auth.method === 'approle');
  } catch (error) {
    await channel.agent.destroy();
    throw error;
  }
}

function vaultOn(channel: VaultChannel, isLoggedIn: boolean): Vault {
  const known = new Map<string, Promise<KvPlace>>();
  const locate = async (place: SecretPlace): Promise<KvPlace> => {
    const key = JSON.stringify([place.mount, place.path]);
    const located = known.get(key) ?? locateKv(channel, place);
    known.set(key, located);
    // A failure isn't kept: it may be repaired until the next call.
    located.catch(() => known.delete(key));
    return located;
  };
  return {
    address: channel.address.url,
    readSecret: async (place) => (await readKv(channel, await locate(place))).secret,
    writeSecret: async (place, fields, expected) => writeKv(channel, await locate(place), fields, expected),
    issueCertificate: (place, request) => issueCertificate(channel, place, request),
    close: async () => {
      if (isLoggedIn) await logOut(channel);
      await channel.agent.destroy();
    },
  };
}

async function authorities({ caFile }: VaultSettings, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const file = caFile ?? (env['VAULT_CACERT'] || undefined);
  if (file === undefined) return undefined;
  const setting = caFile === undefined ? 'VAULT_CACERT' : 'secrets.caFile';
  const unusable = (why: string): StackError =>
    new StackError('VAULT_UNTRUSTED', {
      message: `the certificate authority of Vault in ${file} (${setting}) can't be used: ${why}`,
      hint: `Name a PEM file with ${setting}.`,
    });
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unusable(errorMessage(error));
  });
  // Node.js takes any text for a list of authorities, and then trusts nobody.
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw unusable('it holds no certificate in PEM');
  return pem;
}
