import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import net, { createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { locateEngine, wellKnownSockets } from '../../../src/engine/locate.ts';
import { withTransport } from '../../../src/engine/ssh.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

/** The sockets outside the home folder belong to the machine that runs the tests: here they are never there. */
// eslint-disable-next-line typescript/unbound-method -- it has no `this`
const { connect } = net;
function useConnect(used: unknown): void {
  Object.assign(net, { connect: used });
  syncBuiltinESMExports();
}
beforeAll(() => {
  useConnect((path: string): Socket => connect(/^\/(var\/)?run\//.test(path) ? '/nonexistent/docker.sock' : path));
});
afterAll(() => useConnect(connect));

const tempFolder = useTempFolders();
const servers: Server[] = [];
let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  home = await tempFolder();
  env = { HOME: home };
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** Somebody who takes connections at a socket in the home folder. */
async function listen(path: string): Promise<string> {
  const socket = join(home, path);
  await mkdir(dirname(socket), { recursive: true });
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  servers.push(server);
  return socket;
}

async function put(path: string, content: string): Promise<void> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function putContext(name: string, host: string): Promise<void> {
  const digest = createHash('sha256').update(name).digest('hex');
  await put(`.docker/contexts/meta/${digest}/meta.json`, JSON.stringify({ Endpoints: { docker: { Host: host } } }));
}

async function chosen(host?: string): Promise<string> {
  const { endpoint } = await locateEngine({ host, env });
  return `${endpoint.address} (${endpoint.source})`;
}

describe('which engine', () => {
  test('--host beats DOCKER_HOST, that DOCKER_CONTEXT, that the current context, that the sockets', async () => {
    const socket = await listen('.docker/run/docker.sock');
    await putContext('colima', 'unix:///colima.sock');
    await putContext('remote', 'ssh://me@remote');
    await put('.docker/config.json', '{"currentContext": "colima"}');

    env = { ...env, DOCKER_HOST: 'unix:///env.sock', DOCKER_CONTEXT: 'remote' };
    expect(await chosen('unix:///flag.sock')).toBe('unix:///flag.sock (--host)');
    expect(await chosen()).toBe('unix:///env.sock (DOCKER_HOST)');
    env = { ...env, DOCKER_HOST: '', CONTAINER_HOST: 'unix:///podman.sock' };
    expect(await chosen()).toBe('unix:///podman.sock (CONTAINER_HOST)');
    env = { ...env, CONTAINER_HOST: '' };
    expect(await chosen()).toBe('ssh://me@remote (context remote, from DOCKER_CONTEXT)');
    env = { HOME: home };
    expect(await chosen()).toBe(`unix:///colima.sock (context colima, from ${home}/.docker/config.json)`);
    env = { HOME: home, DOCKER_CONTEXT: 'default' };
    expect(await chosen()).toBe(`unix://${socket} (Docker Desktop)`);
  });

  test('a context that does not exist is an error, and no other engine is taken in its place', async () => {
    await listen('.docker/run/docker.sock');
    env = { ...env, DOCKER_CONTEXT: 'nowhere' };
    expect(await failureOf(() => chosen())).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining("'nowhere'"),
    });
  });

  test('a socket file that a dead engine left behind is passed over', async () => {
    await put('.docker/run/docker.sock', '');
    const socket = await listen('.colima/default/docker.sock');
    expect(await chosen()).toBe(`unix://${socket} (Colima)`);
  });

  test('of two that answer, the first in the list is taken', async () => {
    await listen('.orbstack/run/docker.sock');
    const colima = await listen('.colima/default/docker.sock');
    expect(await chosen()).toBe(`unix://${colima} (Colima)`);
  });

  test('the runtime folder counts where there is one', async () => {
    const socket = await listen('runtime/docker.sock');
    env = { ...env, XDG_RUNTIME_DIR: join(home, 'runtime') };
    expect(await chosen()).toBe(`unix://${socket} (rootless Docker)`);
  });

  test('where nobody answers, every socket is named with its reason', async () => {
    await put('.orbstack/run/docker.sock', '');
    const failure = await failureOf(() => chosen());
    expect(failure).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      hint: expect.stringContaining('Start Docker Desktop'),
    });
    expect(failure.details).toHaveLength(wellKnownSockets(env).length);
    expect(failure.details).toContain('/var/run/docker.sock (default socket): not there');
    expect(failure.details).toContain(
      `${home}/.orbstack/run/docker.sock (OrbStack): nobody listens (the engine is stopped)`,
    );
  });
});

test('the well-known sockets, in the order in which they are tried', () => {
  const TMPDIR = '/var/folders/x1/y2/T/';
  const sockets = wellKnownSockets({ HOME: '/home/me', XDG_RUNTIME_DIR: '/run/user/1000', TMPDIR });
  expect(sockets.map(({ path, owner }) => `${owner}: ${path}`)).toMatchInlineSnapshot(`
    [
      "default socket: /var/run/docker.sock",
      "rootless Docker: /run/user/1000/docker.sock",
      "Docker Desktop: /home/me/.docker/run/docker.sock",
      "Docker Desktop: /home/me/.docker/desktop/docker.sock",
      "Colima: /home/me/.colima/default/docker.sock",
      "Colima: /home/me/.config/colima/default/docker.sock",
      "OrbStack: /home/me/.orbstack/run/docker.sock",
      "Podman: /run/user/1000/podman/podman.sock",
      "Podman: /home/me/.local/share/containers/podman/machine/podman.sock",
      "Podman: /home/me/.local/share/containers/podman/machine/qemu/podman.sock",
      "Podman: /var/folders/x1/y2/T/podman/podman-machine-default-api.sock",
      "Podman: /run/user/1000/podman/podman-machine-default-api.sock",
      "Podman: /run/podman/podman.sock",
    ]
  `);
  const bare = wellKnownSockets({ HOME: '/home/me', TMPDIR: '/tmp' }).map(({ path }) => path);
  expect(bare).toContain(`/run/user/${userInfo().uid}/podman/podman.sock`);
  expect(bare.filter((path) => path.startsWith('/tmp/'))).toEqual([]);
});

test('relative folders of the environment are no place of a socket: they would be another one from another folder', () => {
  const paths = (env_: NodeJS.ProcessEnv): string[] => wellKnownSockets(env_).map(({ path }) => path);
  const relative = { HOME: '/home/me', XDG_RUNTIME_DIR: 'run', XDG_CONFIG_HOME: '' };
  expect(paths(relative)).toEqual(paths({ HOME: '/home/me' }));
  expect(paths({ HOME: '' }).filter((path) => !path.startsWith('/'))).toEqual([]);
});

describe('how to connect', () => {
  test('a unix socket', async () => {
    expect(await locateEngine({ host: 'unix:///some/docker.sock', env })).toEqual({
      endpoint: { address: 'unix:///some/docker.sock', source: '--host', publishedHost: '127.0.0.1' },
      options: { host: '', socketPath: '/some/docker.sock', protocol: 'http' },
    });
  });

  test('a Windows pipe', async () => {
    const { options } = await locateEngine({ host: 'npipe:////./pipe/docker_engine', env });
    expect(options).toMatchObject({ socketPath: '//./pipe/docker_engine' });
  });

  test.each([
    ['tcp://10.0.0.5:1234', { protocol: 'http', host: '10.0.0.5', port: 1234 }],
    ['tcp://10.0.0.5', { protocol: 'http', host: '10.0.0.5', port: 2375 }],
    ['http://engine:8080', { protocol: 'http', host: 'engine', port: 8080 }],
    ['https://engine', { protocol: 'https', host: 'engine', port: 2376 }],
    ['tcp://[fd00::5]:1234', { protocol: 'http', host: 'fd00::5', port: 1234 }],
    // What isn't given is for the user's own ssh configuration.
    ['ssh://engine', { protocol: 'ssh', host: 'engine', port: undefined, username: undefined }],
    ['ssh://me@[fd00::5]', { protocol: 'ssh', host: 'fd00::5', port: undefined, username: 'me' }],
    ['ssh://me@[fd00::5]:2222', { protocol: 'ssh', host: 'fd00::5', port: 2222, username: 'me' }],
    ['ssh://me@engine:2222', { protocol: 'ssh', host: 'engine', port: 2222, username: 'me' }],
    ['ssh://me%40work@engine', { protocol: 'ssh', username: 'me@work' }],
  ])('%s', async (host, expected) => {
    const { options, endpoint } = await locateEngine({ host, env });
    expect(options).toMatchObject(expected);
    expect(endpoint).toMatchObject({ address: host, publishedHost: options.host });
  });

  test('an IPv6 address is a host for dockerode, too', async () => {
    for (const host of ['tcp://[fd00::5]', 'tcp://[::1]:2375']) {
      const { options } = await locateEngine({ host, env });
      expect(withTransport(options).host).toBe(`http://[${options.host}]`);
    }
  });

  test('DOCKER_TLS_VERIFY makes tcp a TLS connection, with the files of DOCKER_CERT_PATH', async () => {
    for (const name of ['ca', 'cert', 'key']) await put(`certs/${name}.pem`, `the ${name}`);
    env = { ...env, DOCKER_HOST: 'tcp://far', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'certs') };
    expect((await locateEngine({ env })).options).toEqual({
      protocol: 'https',
      host: 'far',
      port: 2376,
      ca: 'the ca',
      cert: 'the cert',
      key: 'the key',
    });
  });

  test.each([
    '',
    'docker',
    '/var/run/docker.sock',
    'ftp://engine',
    'tcp//engine',
    'tcp://engine:99999',
    'unix:/x',
    '::',
  ])('an address that cannot be understood is a mistake of usage: %j', async (host) => {
    expect(await failureOf(() => locateEngine({ host, env }))).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(`'${host}' (--host)`),
      hint: expect.stringContaining('unix:///'),
    });
  });

  test('so is one in DOCKER_HOST', async () => {
    env = { ...env, DOCKER_HOST: 'nonsense' };
    expect(await failureOf(() => locateEngine({ env }))).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('DOCKER_HOST'),
    });
  });
});
