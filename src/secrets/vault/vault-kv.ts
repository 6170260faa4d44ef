import { isDeepStrictEqual } from 'node:util';
import { StackError } from '../../errors.ts';
import { apiPath, nameOf, placeText, type SecretPlace } from './vault-address.ts';
import { callVault } from './vault-call.ts';
import { refusal, type Asked } from './vault-diagnosis.ts';
import { failed, strange } from './vault-errors.ts';
import { inexactFields, plainFields, secretsAmong, vaultSecret, type VaultSecret } from './vault-fields.ts';
import { dig, isRecord, type VaultAnswer, type VaultChannel } from './vault-http.ts';

/** A secret's place, now that it is known what engine keeps it. */
export interface KvPlace {
  readonly version: 1 | 2;
  /** Of the calls that read and write it, unescaped: as a policy names it. */
  readonly path: string;
}

interface KvState {
  readonly secret: VaultSecret | undefined;
  /** Of the newest version, a deleted one included: what check-and-set compares with. 0: there was never one. */
  readonly newest: number;
}

/**
 * Which version of KV is mounted, asked the way the vault command does. A mount may itself have folders, so where it ends
 * is for Vault to say. (OpenBao and Vault: `kvPreflightVersionRequest`; Vault API, "/sys/internal/ui/mounts".)
 */
export async function locateKv(channel: VaultChannel, place: SecretPlace): Promise<KvPlace> {
  const { address } = channel;
  const whole = placeText(place);
  const asked: Asked = { asked: `to read ${whole}`, path: whole, capability: 'read' };
  const answer = await callVault(
    channel,
    { method: 'GET', path: `sys/internal/ui/mounts/${apiPath(address, place.mount)}` },
    { asked: asked.asked, isRepeatable: true },
  );
  // A Vault from before version 2 of KV.
  if (answer.status === 404) return { version: 1, path: whole };
  if (answer.status === 403) throw await deniedMount(channel, place, asked, answer);
  if (answer.status !== 200) throw failed(address, asked.asked, answer);
  const type = dig(answer.body, 'data', 'type');
  if (typeof type === 'string' && !['kv', 'generic', 'cubbyhole'].includes(type)) {
    throw strange(address, asked.asked, `what is mounted at ${place.mount} is an engine ${type}, not KV`);
  }
  if (dig(answer.body, 'data', 'options', 'version') !== '2') return { version: 1, path: whole };
  const reported = dig(answer.body, 'data', 'path');
  const mount = typeof reported === 'string' && `${whole}/`.startsWith(reported) ? reported : `${place.mount}/`;
  return {
    version: 2,
    path: placeText({ mount: `${mount}data`, path: whole.slice(placeText({ mount, path: '' }).length) }),
  };
}

/** (Vault API, "KV secrets engine - version 2": "Read secret version"; "version 1": "Read secret".) */
export async function readKv(channel: VaultChannel, place: KvPlace): Promise<KvState> {
  const asked: Asked = { asked: `to read ${place.path}`, path: place.path, capability: 'read' };
  const { address } = channel;
  const answer = await callVault(
    channel,
    { method: 'GET', path: apiPath(address, place.path) },
    { asked: asked.asked, isRepeatable: true },
  );
  if (answer.status === 404 && answer.errors.length === 0) {
    const newest = dig(answer.body, 'data', 'metadata', 'version');
    return { secret: undefined, newest: typeof newest === 'number' ? newest : 0 };
  }
  if (answer.status === 404) throw noEngine(channel, place, answer);
  if (answer.status !== 200) throw await refusal(channel, asked, answer);
  const values = place.version === 2 ? dig(answer.body, 'data', 'data') : dig(answer.body, 'data');
  const version = place.version === 2 ? dig(answer.body, 'data', 'metadata', 'version') : 0;
  if (!isRecord(values) || typeof version !== 'number') {
    throw strange(address, asked.asked, `answered with no secret of KV version ${place.version}`);
  }
  return { secret: vaultSecret(values, version), newest: version };
}

/**
 * Version 2 compares the version and writes in one step: of several writers one wins. Version 1 can't: it is read before
 * the write and after it, so that a writer in the time between goes unnoticed only if it comes first.
 * (Vault API, "KV secrets engine - version 2": "Create/update secret", `options.cas`; "version 1": "Create/update secret".)
 */
export async function writeKv(
  channel: VaultChannel,
  place: KvPlace,
  fields: Readonly<Record<string, unknown>>,
  expected: VaultSecret | undefined,
): Promise<void> {
  const [inexact] = inexactFields(fields);
  if (inexact !== undefined) throw tooLong(channel, place, inexact);
  const isCompared = place.version === 1 || expected === undefined;
  const before = isCompared ? await readKv(channel, place) : { secret: expected, newest: expected.version };
  if (!isSame(before.secret, expected)) throw changed(channel, place);
  const data = plainFields(fields);
  const isCreated = before.newest === 0 && before.secret === undefined;
  const asked: Asked = {
    asked: `to write ${place.path}`,
    path: place.path,
    capability: isCreated ? 'create' : 'update',
  };
  const answer = await callVault(
    channel,
    {
      method: 'POST',
      path: apiPath(channel.address, place.path),
      body: place.version === 2 ? { data, options: { cas: before.newest } } : data,
      confidential: secretsAmong(fields),
    },
    { asked: asked.asked, isRepeatable: false },
  );
  const isWritten = answer.status === 200 || answer.status === 204;
  if (isWritten && place.version === 2) return;
  if (!isWritten && answer.status !== 400) throw await refusal(channel, asked, answer);
  // A check-and-set that didn't match has the status of any bad request, and no code: whether it was one, only the secret says.
  const after = await readKv(channel, place);
  const isAsMeant = isWritten
    ? after.secret !== undefined && isDeepStrictEqual(plainFields(after.secret.fields), data)
    : after.newest === before.newest && isSame(after.secret, expected);
  if (!isAsMeant) throw changed(channel, place);
  if (!isWritten) throw failed(channel.address, asked.asked, answer);
}

function isSame(one: VaultSecret | undefined, other: VaultSecret | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.version === other.version && isDeepStrictEqual(plainFields(one.fields), plainFields(other.fields));
}

function changed({ address }: VaultChannel, { path }: KvPlace): StackError {
  return new StackError('SECRET_CHANGED', {
    message: `somebody else has just written ${path} in ${nameOf(address)}`,
    hint: 'Run the same command again: it begins with what is there now.',
  });
}

function tooLong({ address }: VaultChannel, { path }: KvPlace, field: string): StackError {
  return new StackError('VAULT_FAILED', {
    message: `${nameOf(address)}: the number in the field ${field} of ${path} is too long to be written back as it is`,
    hint: `Have it kept as text: vault kv patch … ${field}="…"`,
  });
}

/** Vault says the same of a mount that isn't there and of one below which the token may do nothing. */
async function deniedMount(
  channel: VaultChannel,
  place: SecretPlace,
  asked: Asked,
  answer: VaultAnswer,
): Promise<StackError> {
  const failure = await refusal(channel, asked, answer);
  if (failure.code !== 'VAULT_DENIED') return failure;
  const mount = placeText({ mount: place.mount, path: '' });
  const whole = placeText(place);
  const versioned = placeText({ mount, path: `data/${place.path}` });
  return new StackError('VAULT_DENIED', {
    message: `${nameOf(channel.address)} denies this token everything below ${mount}, or nothing is mounted there`,
    hint: `vault secrets list   # then a policy with "${asked.capability}" on ${versioned}; in KV version 1 on ${whole}`,
    details: failure.details,
  });
}

function noEngine({ address, namespace }: VaultChannel, { path }: KvPlace, { errors }: VaultAnswer): StackError {
  const within = namespace === undefined ? '' : ` in the namespace ${namespace}`;
  return new StackError('SECRET_MISSING', {
    message: `${nameOf(address)} has no secrets engine for ${path}${within}`,
    hint: `vault secrets list   # is secrets.mount right${namespace === undefined ? '' : ', and the namespace'}?`,
    details: errors,
  });
}
