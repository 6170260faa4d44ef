import { hasCode, StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { SecretSource, StackSecret } from '../source.ts';
import { placeText, type SecretPlace } from './vault-address.ts';
import { flagField, lacksField, requireField, type VaultSecret } from './vault-fields.ts';
import type { Vault } from './vault.ts';

const MOST_ATTEMPTS = 5;

/** As the reference environment's secret calls it. */
const TLS_FIELD = 'tls_enabled';

/** The password in a field of a KV secret. `connect` logs in; nobody does before the secret is asked for. */
export function vaultSource(connect: () => Promise<Vault>, place: SecretPlace, field: string): SecretSource {
  const description = `Vault, ${placeText(place)}, field ${field}`;
  const toStackSecret = (vault: Vault, secret: VaultSecret | undefined): StackSecret => ({
    password: requireField(secret, place, field, vault),
    tlsEnabled: flagField(secret, place, TLS_FIELD, vault),
  });
  return {
    description,
    file: undefined,
    read: async () => {
      const vault = await connect();
      return toStackSecret(vault, await vault.readSecret(place));
    },
    create: async (password) => {
      const vault = await connect();
      for (let attempt = 1; ; attempt += 1) {
        const secret = await vault.readSecret(place);
        if (!lacksField(secret, field)) return toStackSecret(vault, secret);
        try {
          // The other fields of the path are somebody's too.
          await vault.writeSecret(place, { ...secret?.fields, [field]: password }, secret);
        } catch (error) {
          // Somebody else wrote: the password, or one of the other fields.
          const isOvertaken = hasCode(error, 'SECRET_CHANGED') && attempt < MOST_ATTEMPTS;
          if (!isOvertaken) throw error;
        }
      }
    },
    replace: async (password, current) => {
      const vault = await connect();
      const secret = await vault.readSecret(place);
      const kept = requireField(secret, place, field, vault);
      if (kept.reveal() !== current.password.reveal()) {
        throw new StackError('SECRET_CHANGED', {
          message: `${description}: another process has just changed the password`,
          hint: hint`${run('up')}   # gives it to every node`,
        });
      }
      await vault.writeSecret(place, { ...secret?.fields, [field]: password }, secret);
    },
  };
}
