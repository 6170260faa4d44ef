import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { Secret } from '../../secret.ts';
import { placeText, type SecretPlace } from './vault-address.ts';

/**
 * A secret as it was read. Any field may be a password, so every one but a boolean is a `Secret`: a number shows its
 * digits and a list its JSON only to who calls `reveal()`. Written back, each is what it was.
 */
export interface VaultSecret {
  readonly fields: Readonly<Record<string, Secret | boolean>>;
  /** As KV version 2 counts them, from 1; 0 in KV version 1, which counts none. */
  readonly version: number;
}

/** What a `Secret` was in the JSON, where that isn't a string. Beside the secret, so that nothing shows it. */
const originals = new WeakMap<Secret, unknown>();

export function vaultSecret(values: Readonly<Record<string, unknown>>, version: number): VaultSecret {
  return { fields: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, conceal(value)])), version };
}

/** What goes into the JSON of a write: secrets revealed, whether they were read from Vault or come from elsewhere. */
export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, uncover(value)]));
}

/** The secrets among `fields`, for a message to leave out. */
export function secretsAmong(fields: Readonly<Record<string, unknown>>): Secret[] {
  return Object.values(fields).flatMap((value) => {
    if (value instanceof Secret) return [value];
    return typeof value === 'string' ? [new Secret(value)] : [];
  });
}

/**
 * The names of the fields that JavaScript reads inexactly: integers beyond 2^53, which Vault keeps digit by digit.
 * Writing them back would change them.
 */
export function inexactFields(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => (isInexact(uncover(value)) ? [name] : []));
}

const INIT_HINT = hint`${run('secrets init')}   # writes a generated one there, and only where there is none`;

/** `vault kv put … password=@file` takes the file's last one too, and shells and password files drop it again. */
const LINE_BREAK = /[\r\n]/;

/**
 * The field `field`, which has to be there, with a line of text in it.
 *
 * @throws StackError SECRET_MISSING where the path holds nothing, has no such field, or it is empty or a boolean.
 */
export function requireField(
  secret: VaultSecret | undefined,
  place: SecretPlace,
  field: string,
  vault: { readonly address: string },
): Secret {
  const where = placeText(place);
  if (secret === undefined) {
    throw new StackError('SECRET_MISSING', {
      message: `Vault at ${vault.address} holds nothing at ${where}`,
      hint: INIT_HINT,
    });
  }
  const value = Object.hasOwn(secret.fields, field) ? secret.fields[field] : undefined;
  if (value instanceof Secret && value.reveal() !== '' && !LINE_BREAK.test(value.reveal())) return value;
  throw new StackError('SECRET_MISSING', {
    message: `Vault at ${vault.address}: ${where} ${lack(value, field)}`,
    hint: lacksField(secret, field)
      ? INIT_HINT
      : `vault kv patch -mount=${place.mount} ${place.path} ${field}=-   # reads the value from standard input`,
    // The names of fields are no secrets: in KV they are visible to whoever may write policies.
    details: [`its fields: ${Object.keys(secret.fields).join(', ') || 'none'}`],
  });
}

/** Nothing would be lost by writing the field: it isn't there, or it is empty. */
export function lacksField(secret: VaultSecret | undefined, field: string): boolean {
  if (secret === undefined || !Object.hasOwn(secret.fields, field)) return true;
  const value = secret.fields[field];
  return value instanceof Secret && value.reveal() === '';
}

/**
 * A switch: a boolean, or the text `true` or `false`, which is all that `vault kv put` writes. undefined where it isn't set.
 *
 * @throws StackError SECRET_MISSING where it is anything else.
 */
export function flagField(
  secret: VaultSecret | undefined,
  place: SecretPlace,
  field: string,
  vault: { readonly address: string },
): boolean | undefined {
  if (secret === undefined || !Object.hasOwn(secret.fields, field)) return undefined;
  const value = secret.fields[field];
  const text = value instanceof Secret ? value.reveal() : String(value);
  if (text === 'true' || text === 'false') return text === 'true';
  throw new StackError('SECRET_MISSING', {
    message: `Vault at ${vault.address}: the field ${field} of ${placeText(place)} is neither true nor false`,
    hint: `vault kv patch -mount=${place.mount} ${place.path} ${field}=true`,
  });
}

function lack(value: Secret | boolean | undefined, field: string): string {
  if (value === undefined) return `has no field ${field}`;
  if (!(value instanceof Secret)) return `has a boolean in its field ${field}`;
  return value.reveal() === '' ? `has nothing in its field ${field}` : `has a line break in its field ${field}`;
}

function conceal(value: unknown): Secret | boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return new Secret(value);
  const secret = new Secret(value === null ? '' : JSON.stringify(value));
  originals.set(secret, value);
  return secret;
}

function uncover(value: unknown): unknown {
  if (!(value instanceof Secret)) return value;
  return originals.has(value) ? originals.get(value) : value.reveal();
}

function isInexact(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(isInexact);
}
