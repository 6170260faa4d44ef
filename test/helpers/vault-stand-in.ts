import type * as X509 from '@peculiar/x509';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { webcrypto } from 'node:crypto';

type Fields = Record<string, unknown>;
type Capability = 'create' | 'read' | 'update';
interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}
interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Fields;
}

/** What a test turns: the state of the server, and what happens to the next requests (health questions excepted). */
interface Switches {
  state: 'active' | 'sealed' | 'uninitialised' | 'standby' | 'secondary' | { redirect: string };
  isStalled: boolean;
  /** The first so many requests fail so: with a status, with text in place of JSON, or with a socket that is closed. */
  flaky: { requests: number; how: number | 'drop' | 'text'; error?: string };
  /** Runs once, just before the next write is carried out: somebody else's moment. */
  beforeWrite: (() => void) | undefined;
  /** Only this namespace exists, where there is one. */
  namespace: string | undefined;
}

export interface VaultStandIn {
  readonly address: string;
  readonly switches: Switches;
  readonly requests: Recorded[];
  /** Capabilities by path, or `all`. A token that isn't in it was revoked, expired or never issued. */
  readonly tokens: Map<string, 'all' | Record<string, Capability[]>>;
  readonly appRoles: Map<string, { secretId: string; token: string }>;
  /** Versions of KV version 2, oldest first, by `mount/path`; undefined is a deleted one. */
  readonly versions: Map<string, (Fields | undefined)[]>;
  /** KV version 1, by `mount/path`. */
  readonly values: Map<string, Fields>;
  /** PKI roles: the domain below which names are allowed (`*` for any name), and whether IP addresses are. */
  readonly roles: Map<string, { domain: string; allowsAddresses: boolean }>;
  stop(): Promise<void>;
}

const MOUNTS: Record<string, { type: string; options: Record<string, string> | null }> = {
  'secret/': { type: 'kv', options: { version: '2' } },
  'team/kv/': { type: 'kv', options: { version: '2' } },
  'old/': { type: 'kv', options: { version: '1' } },
  'older/': { type: 'kv', options: null },
  'pki/': { type: 'pki', options: {} },
};
const HEALTH = { active: 200, standby: 429, secondary: 472, uninitialised: 501, sealed: 503 };
const failure = (status: number, ...errors: string[]): Answer => ({ status, body: { errors } });
const denied = (): Answer => failure(403, '1 error occurred:\n\t* permission denied\n\n');

/**
 * The part of Vault's HTTP API that the client uses, written from its documentation, with its statuses and bodies.
 * Tests of the client against it show what the client does; that Vault does the same, only a real one shows.
 */
export async function startVault(
  tls?: { readonly cert: string; readonly key: string },
  wantedPort = 0,
): Promise<VaultStandIn> {
  const switches: Switches = {
    state: 'active',
    isStalled: false,
    flaky: { requests: 0, how: 500 },
    beforeWrite: undefined,
    namespace: undefined,
  };
  const sockets = new Set<Socket>();
  const listener: RequestListener = (request, response) => void serve(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const vault: VaultStandIn = {
    address: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    switches,
    requests: [],
    tokens: new Map([['root-token', 'all']]),
    appRoles: new Map(),
    versions: new Map(),
    values: new Map(),
    roles: new Map(),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = (text === '' ? {} : JSON.parse(text)) as Fields;
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    const recorded = { method: request.method ?? '', path, headers: request.headers, body };
    vault.requests.push(recorded);
    if (switches.isStalled) return;
    if (path !== 'sys/health' && switches.flaky.requests > 0) {
      switches.flaky.requests -= 1;
      if (switches.flaky.how === 'drop') return void request.socket.destroy();
      if (switches.flaky.how === 'text') return void response.end('<h1>It works!</h1>');
      return send(response, failure(switches.flaky.how, switches.flaky.error ?? 'internal error'));
    }
    send(response, await answerTo(vault, recorded));
  }
  return vault;
}

function send(response: ServerResponse, { status, body, location }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...(location === undefined ? {} : { location }) });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function answerTo(vault: VaultStandIn, request: Recorded): Promise<Answer> {
  const { state, namespace } = vault.switches;
  const { method, headers, body } = request;
  const path = request.path.split('/').map(decodeURIComponent).join('/');
  const isRoot = headers['x-vault-namespace'] === undefined;
  if (headers['x-vault-request'] !== 'true') return failure(412, "missing 'X-Vault-Request' header");
  if (path === 'sys/health' && isRoot) {
    const status = typeof state === 'object' ? 429 : HEALTH[state];
    return { status, body: { initialized: status !== 501, sealed: status >= 501, standby: status === 429 } };
  }
  if (typeof state === 'object') return { status: 307, location: `${state.redirect}/v1/${request.path}` };
  if (state === 'sealed' || state === 'uninitialised') return failure(503, 'Vault is sealed');
  if (state !== 'active') return failure(500, 'local node not active but active cluster node not found');
  if (headers['x-vault-namespace'] !== namespace) return failure(404, `no handler for route "${path}"`);
  const login = /^auth\/(.+)\/login$/.exec(path);
  if (login?.[1] !== undefined) return logIn(vault, login[1], body);

  const token = String(headers['x-vault-token']);
  const policy = vault.tokens.get(token);
  if (policy === undefined) return failure(403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n');
  if (path === 'auth/token/lookup-self') return { status: 200, body: { data: { id: token, ttl: 3600 } } };
  if (path === 'auth/token/revoke-self') return vault.tokens.delete(token) ? { status: 204 } : denied();

  const preflight = /^sys\/internal\/ui\/mounts\/(.+)$/.exec(path)?.[1];
  const mount = Object.keys(MOUNTS).find((name) => `${preflight ?? path}/`.startsWith(name));
  const mayUseMount = policy === 'all' || Object.keys(policy).some((allowed) => allowed.startsWith(mount ?? '?'));
  if (preflight !== undefined) {
    if (mount !== undefined && mayUseMount) return { status: 200, body: { data: { path: mount, ...MOUNTS[mount] } } };
    return failure(
      403,
      `preflight capability check returned 403, please ensure client's policies grant access to path "${preflight}/"`,
    );
  }
  if (mount === undefined) return policy === 'all' ? failure(404, `no handler for route "${path}"`) : denied();
  const exists = vault.values.has(path) || vault.versions.has(path.replace('/data/', '/'));
  const capability: Capability = method === 'GET' ? 'read' : exists || mount === 'pki/' ? 'update' : 'create';
  if (policy !== 'all' && policy[path]?.includes(capability) !== true) return denied();
  if (method === 'POST') takeTurn(vault.switches);
  if (mount === 'pki/') return issue(vault, path.replace('pki/issue/', ''), body);
  if (MOUNTS[mount]?.options?.['version'] === '2') return versioned(vault, mount, path, request);
  if (method === 'POST') {
    vault.values.set(path, body);
    return { status: 204 };
  }
  const data = vault.values.get(path);
  return data === undefined ? failure(404) : { status: 200, body: { lease_duration: 2764800, data } };
}

function takeTurn(switches: Switches): void {
  const turn = switches.beforeWrite;
  switches.beforeWrite = undefined;
  turn?.();
}

function logIn({ appRoles, tokens }: VaultStandIn, mount: string, body: Fields): Answer {
  if (mount !== 'approle') return denied();
  const role = appRoles.get(String(body['role_id']));
  if (role === undefined || role.secretId !== body['secret_id']) return failure(400, 'invalid role or secret ID');
  tokens.set(role.token, 'all');
  return { status: 200, body: { auth: { client_token: role.token, lease_duration: 1200, renewable: true } } };
}

function versioned({ versions }: VaultStandIn, mount: string, path: string, { method, body }: Recorded): Answer {
  if (!path.startsWith(`${mount}data/`)) return failure(404, 'Invalid path for a versioned K/V secrets engine.');
  const key = path.replace(`${mount}data/`, mount);
  const known = versions.get(key) ?? [];
  const metadata = { version: known.length, created_time: '2024-01-01T00:00:00Z', deletion_time: '', destroyed: false };
  if (method === 'GET') {
    const data = known.at(-1);
    if (known.length === 0) return failure(404);
    if (data !== undefined) return { status: 200, body: { data: { data, metadata } } };
    const deleted = { ...metadata, deletion_time: '2024-01-02T00:00:00Z' };
    return { status: 404, body: { data: { data: null, metadata: deleted } } };
  }
  const { cas } = (body['options'] ?? {}) as { cas?: number };
  if (body['data'] === undefined) return failure(400, 'no data provided');
  if (cas !== undefined && cas !== known.length) {
    return failure(400, 'check-and-set parameter did not match the current version');
  }
  versions.set(key, [...known, body['data'] as Fields]);
  return { status: 200, body: { data: { ...metadata, version: known.length + 1 } } };
}

async function issue({ roles }: VaultStandIn, roleName: string, body: Fields): Promise<Answer> {
  const role = roles.get(roleName);
  if (role === undefined) return failure(400, `unknown role: ${roleName}`);
  const listed = (name: string): string[] => ((body[name] as string | undefined) ?? '').split(',').filter(Boolean);
  const names = [String(body['common_name']), ...listed('alt_names')];
  const isAllowed = (name: string): boolean => ['*', name].includes(role.domain) || name.endsWith(`.${role.domain}`);
  const wrong = names.find((name) => !isAllowed(name));
  if (wrong === names[0]) return failure(400, `common name ${wrong} not allowed by this role`);
  if (wrong !== undefined) return failure(400, `subject alternate name ${wrong} not allowed by this role`);
  if (listed('ip_sans').length > 0 && !role.allowsAddresses) {
    return failure(
      400,
      `IP Subject Alternative Names are not allowed in this role, but was provided: ${String(body['ip_sans'])}`,
    );
  }
  const authority = await theAuthority();
  const { cert, key } = await certificateFor([...new Set(names)], listed('ip_sans'));
  const data = { certificate: cert, private_key: key, issuing_ca: authority.pem, ca_chain: [authority.pem] };
  return { status: 200, body: { data: { ...data, private_key_type: 'ec', serial_number: '01' } } };
}

/** @peculiar/x509 needs reflect-metadata before it, which an import that is sorted by name wouldn't give it. */
async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const newKeys = (): Promise<CryptoKeyPair> => webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
type CryptoKeyPair = webcrypto.CryptoKeyPair;
let authorityOnce: Promise<{ readonly pem: string; readonly keys: CryptoKeyPair }> | undefined;

/** The authority that signs what PKI issues, and the server's own certificate. */
export function theAuthority(): Promise<{ readonly pem: string; readonly keys: CryptoKeyPair }> {
  authorityOnce ??= (async () => {
    const x509 = await loadX509();
    const keys = await newKeys();
    const extensions = [new x509.BasicConstraintsExtension(true, undefined, true)];
    const name = 'CN=Authority of the stand-in';
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name, keys, extensions });
    return { pem: certificate.toString('pem'), keys };
  })();
  return authorityOnce;
}

/** A certificate of `theAuthority`, by default valid for the hour around now. */
export async function certificateFor(
  names: readonly string[],
  addresses: readonly string[],
  notAfter = new Date(Date.now() + 3_600_000),
): Promise<{ readonly cert: string; readonly key: string }> {
  const x509 = await loadX509();
  const authority = await theAuthority();
  const keys = await newKeys();
  const alternatives = new x509.SubjectAlternativeNameExtension([
    ...names.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? 'vault'}`,
    issuer: new x509.X509Certificate(authority.pem).subject,
    notBefore: new Date(notAfter.getTime() - 7_200_000),
    notAfter,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [alternatives],
  });
  const exported = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${exported}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString('pem'), key };
}
