import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../secret.ts';
import { passwordOfNode } from '../connect/passwords.ts';
import { besides } from '../session/source.ts';
import { homeFolder } from '../../user-folders.ts';
import type { Facts } from './facts.ts';

const REDACTED = '[redacted]';

/** Takes what nobody else may see out of a text. */
type Redact = (text: string) => string;

/**
 * What is known to be secret goes in each form in which a tool may have written it; and so does what looks like a secret,
 * whoever's it is.
 *
 * @param secrets the values themselves
 */
export function redactor(secrets: Iterable<string>): Redact {
  const forms = [...new Set([...secrets].filter((secret) => secret !== '').flatMap(formsOf))];
  // One may be a part of another.
  forms.sort((one, other) => other.length - one.length);
  return (text) => {
    const known = forms.reduce((rest, form) => rest.replaceAll(form, REDACTED), text);
    return PATTERNS.reduce((rest, [pattern, by]) => rest.replace(pattern, by), known);
  };
}

function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64');
  const inRedisConf = [...Buffer.from(secret)]
    .map((byte) =>
      /[\x20-\x7e]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('')
    .replaceAll('"', '\\"');
  const escaped = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
    escaped,
    inRedisConf,
  ];
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Also where JSON has made one line of it, and where its end is missing.
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, `[private key]`],
  // Vault: service, batch and recovery tokens, of before and since 1.10. Then an authentication key of Tailscale's.
  [/\b(hv[sbr]\.[\w-]{8,}|[sbr]\.[A-Za-z0-9]{24,})/g, REDACTED],
  [/\btskey-[\w-]+/g, REDACTED],
  // RFC 3986 section 3.2.1: a user's name and password before the host.
  [/(\w:\/\/)[^\s/@"']+@/g, `$1${REDACTED}@`],
  [/\b(Bearer|Basic) [\w.~+/=-]+/g, `$1 ${REDACTED}`],
  [
    /("?\b(?:requirepass|masterauth|masteruser|tls-key-file-pass|tls-client-key-file-pass|password|passwd|passphrase|token|auth[_-]?key|api[_-]?key|secret[_-]?id|client[_-]?secret)\b"?,?\s*[:=\s]\s*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}\]]+)/gi,
    `$1${REDACTED}`,
  ],
  // redis-cli's and redis-server's own options.
  [/(^|[\s"])(-a|--pass|--requirepass|--masterauth)("?,?\s+)("(?:[^"\\\n]|\\.)*"|[^\s,\]]+)/gm, `$1$2$3${REDACTED}`],
  // ACL rules of redis.conf: a password in clear, or its hash.
  [/^(\s*user\s+\S+).*$/gim, `$1 ${REDACTED}`],
];

/** What the engine says of a container or of itself, without the values of any environment. */
export function withoutEnvironment(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEnvironment);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, unknown] => {
      if (key !== 'Env' || !Array.isArray(inner)) return [key, withoutEnvironment(inner)];
      return [key, inner.map((line) => `${String(line).split('=')[0] ?? ''}=${REDACTED}`)];
    }),
  );
}

/** Every secret that this process can get at, so that it can be looked for: what isn't known can't be taken out. */
export async function knownSecrets(facts: Facts): Promise<Secret[]> {
  const { env } = facts.options;
  const found = await Promise.all([passwords(facts), vaultFiles(facts)]);
  const named = Object.entries(env).flatMap(([name, value = '']) =>
    isSecretName(name) && value.length >= 6 ? [value] : [],
  );
  return [...found.flat(), ...named.map((value) => new Secret(value))];
}

/** The one that is kept, and those that the containers hold: they may differ. */
async function passwords(facts: Facts): Promise<Secret[]> {
  const kept = await facts.secret.know().catch(() => undefined);
  const probes = await facts.probes.know().catch(() => []);
  const containers = await facts.containers.know().catch(() => []);
  const session = await facts.session.know().catch(() => undefined);
  const ofNode = async (name: string): Promise<Secret | undefined> =>
    session && passwordOfNode(session, name).catch(() => undefined);
  const ofNodes = await Promise.all(containers.map(({ node }) => ofNode(node.name)));
  return [kept?.password, ...probes.map(({ password }) => password), ...ofNodes].filter((one) => one !== undefined);
}

/** What stands in the files with which this host logs in at Vault. */
async function vaultFiles(facts: Facts): Promise<Secret[]> {
  const { env } = facts.options;
  const files = [join(homeFolder(env), '.vault-token')];
  const stack = await facts.stack.know().catch(() => undefined);
  const secrets = stack?.spec.secrets;
  if (stack !== undefined && secrets?.provider === 'vault') {
    const { auth } = secrets;
    const named =
      auth.method === 'approle'
        ? [`${auth.folder}/role-id`, `${auth.folder}/secret-id`]
        : auth.tokenFile === undefined
          ? []
          : [auth.tokenFile];
    files.push(...named.map((file) => besides(stack, file, env)));
  }
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.map((text) => new Secret(text.trim()));
}

function isSecretName(name: string): boolean {
  return /TOKEN|PASSWORD|PASSWD|SECRET|_KEY$|AUTHKEY|CREDENTIAL/i.test(name) && !/_FILE$|_PATH$|_SOCK$/i.test(name);
}
