import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { contextEndpoint, currentContextName, dockerFolder, readTlsFiles, type TlsFiles } from './contexts.ts';
import { homeFolder, xdgFolder } from '../user-folders.ts';
import type { Endpoint } from './engine.ts';

export interface ConnectionSettings {
  readonly endpoint: Endpoint;
  readonly options: Docker.DockerOptions;
}

interface EngineChoice {
  /** From `--host`; beats everything else. */
  readonly host?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Finds the engine as the docker command line does: `--host`, DOCKER_HOST (or Podman's CONTAINER_HOST), DOCKER_CONTEXT, the
 * current context. Where
 * none of these says anything, the sockets are tried at which Docker, rootless Docker, Docker Desktop, Colima, OrbStack
 * and Podman listen, in this order, and the first that answers is taken.
 *
 * @throws StackError USAGE for an address that can't be understood, ENGINE_UNREACHABLE when nobody answers at any of them.
 */
export async function locateEngine({ host, env }: EngineChoice): Promise<ConnectionSettings> {
  if (host !== undefined) return connectionSettings(host, '--host', tlsFromEnvironment(env));
  // The second is Podman's own.
  for (const variable of ['DOCKER_HOST', 'CONTAINER_HOST']) {
    const address = env[variable];
    if (address) return connectionSettings(address, variable, tlsFromEnvironment(env));
  }
  const context = currentContextName(env);
  if (context !== undefined) {
    const { address, tls } = contextEndpoint(context.name, env);
    return connectionSettings(address, `context ${context.name}, from ${context.source}`, tls);
  }

  const sockets = wellKnownSockets(env);
  const tried: string[] = [];
  for (const { path, owner } of sockets) {
    const refusal = await socketRefusal(path);
    if (refusal === undefined) return connectionSettings(`unix://${path}`, owner);
    tried.push(`${path} (${owner}): ${refusal}`);
  }
  throw new StackError('ENGINE_UNREACHABLE', {
    message: 'no container engine answers on this machine',
    details: tried,
    hint: HOW_TO_START,
  });
}

/** One of several engines. @param tls the folder with ca.pem, cert.pem and key.pem for it */
export function hostSettings(name: string, address: string, tls?: string): ConnectionSettings {
  return connectionSettings(
    address,
    `hosts.${name} in the YAML file`,
    tls === undefined ? undefined : readTlsFiles(tls),
  );
}

const HOW_TO_START =
  'Start Docker Desktop, Colima, OrbStack or Podman; on Linux: sudo systemctl start docker. ' +
  'None installed yet? https://docs.docker.com/engine/install';

/** Where people have their engine's socket, the most common first. */
export function wellKnownSockets(env: NodeJS.ProcessEnv): { path: string; owner: string }[] {
  const home = homeFolder(env);
  // A login without a session, and sudo, don't name it.
  const runtime = xdgFolder('XDG_RUNTIME_DIR', env) ?? `/run/user/${userInfo().uid}`;
  // In a folder that everybody may write to, anybody could listen: macOS gives each user one of his own.
  const machines = [env['TMPDIR'] ?? '', runtime].filter(
    (folder) => folder === runtime || folder.startsWith('/var/folders/'),
  );
  const config = xdgFolder('XDG_CONFIG_HOME', env) ?? join(home, '.config');
  const table: [string, string[]][] = [
    ['default socket', ['/var/run/docker.sock']],
    ['rootless Docker', [join(runtime, 'docker.sock')]],
    ['Docker Desktop', [join(home, '.docker/run/docker.sock'), join(home, '.docker/desktop/docker.sock')]],
    ['Colima', [join(home, '.colima/default/docker.sock'), join(config, 'colima/default/docker.sock')]],
    ['OrbStack', [join(home, '.orbstack/run/docker.sock')]],
    [
      'Podman',
      [
        join(runtime, 'podman/podman.sock'),
        join(home, '.local/share/containers/podman/machine/podman.sock'),
        join(home, '.local/share/containers/podman/machine/qemu/podman.sock'),
        ...machines.map((folder) => join(folder, 'podman/podman-machine-default-api.sock')),
        '/run/podman/podman.sock',
      ],
    ],
  ];
  return table.flatMap(([owner, paths]) => paths.map((path) => ({ path, owner })));
}

/** Why nobody answers at a socket; undefined when somebody does. A file left by a dead engine refuses connections. */
async function socketRefusal(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => {
      const code = systemErrorCode(error) ?? errorMessage(error);
      resolve(REFUSALS[code] ?? code);
    });
  });
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'not there',
  ECONNREFUSED: 'nobody listens (the engine is stopped)',
  EACCES: 'no permission (join the group docker: sudo usermod -aG docker $USER, then log in again)',
};

const LOOPBACK = '127.0.0.1';

function connectionSettings(address: string, source: string, tls?: TlsFiles): ConnectionSettings {
  const [, scheme = '', rest = ''] = /^(\w+):\/\/(.+)$/.exec(address) ?? [];
  if ((scheme === 'unix' || scheme === 'npipe') && rest !== '') {
    const endpoint = { address, source, publishedHost: LOOPBACK };
    // An empty host: else dockerode takes one from DOCKER_HOST and leaves the socket aside.
    return { endpoint, options: { host: '', socketPath: rest, protocol: 'http' } };
  }
  const { host, port, username } = parseRemote(address, scheme, source);
  const endpoint = { address, source, publishedHost: host };
  if (scheme === 'ssh') {
    return { endpoint, options: { protocol: 'ssh', host, port, username: username === '' ? undefined : username } };
  }
  const secure = scheme === 'https' || tls !== undefined;
  return {
    endpoint,
    options: { protocol: secure ? 'https' : 'http', host, port: port ?? (secure ? 2376 : 2375), ...tls },
  };
}

/** A URL object would drop the port where it is the scheme's default: `http://host:80`. */
function parseRemote(
  address: string,
  scheme: string,
  source: string,
): { host: string; port: number | undefined; username: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '';
  const portText = /:(\d+)\/?$/.exec(address)?.[1];
  const port = portText === undefined ? undefined : Number(portText);
  if (url !== undefined && ['tcp', 'http', 'https', 'ssh'].includes(scheme) && host !== '' && port !== 0) {
    return { host, port, username: decodeURIComponent(url.username) };
  }
  throw new StackError('USAGE', {
    message: `invalid engine address '${address}' (${source})`,
    hint: 'Write unix:///path/to/docker.sock, tcp://host:port or ssh://user@host.',
  });
}

/** As the docker command line reads them: DOCKER_TLS_VERIFY switches TLS on, DOCKER_CERT_PATH says where its files are. */
function tlsFromEnvironment(env: NodeJS.ProcessEnv): TlsFiles | undefined {
  if (!env['DOCKER_TLS_VERIFY']) return undefined;
  return readTlsFiles(env['DOCKER_CERT_PATH'] ?? dockerFolder(env));
}
