import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { extract, pack } from 'tar-stream';
import type { Engine } from '../../src/engine/engine.ts';
import { errorMessage } from '../../src/errors.ts';
import { buildRootFileSystem, imageSettings } from '../../src/image/debian-root-fs.ts';
import type { ServerName } from '../../src/plan/model/resources.ts';

const run = promisify(execFile);

/** An image to test with, or why there is none here. */
export type ServerImageName = keyof typeof ORIGINS;
export type ServerImage = { readonly image: string } | { readonly reason: string };

interface Origin {
  readonly server: ServerName;
  /** Suites of Debian; of two, the last one has the server, and the first all else. */
  readonly suites: readonly string[];
  /** As dpkg compares versions. */
  readonly oldest: string;
  /** Valkey's programs under Redis' names, too. */
  readonly hasLinks?: boolean;
}

const ORIGINS = {
  'redis-7.0': { server: 'redis', suites: ['bookworm'], oldest: '5:7.0' },
  'redis-8.0': { server: 'redis', suites: ['trixie'], oldest: '5:8.0' },
  /** Moves slots atomically, as 8.4 and later. */
  'redis-8.6': { server: 'redis', suites: ['sid', 'experimental'], oldest: '5:8.4' },
  'valkey-8.1': { server: 'valkey', suites: ['trixie'], oldest: '8.1' },
  'valkey-9.1': { server: 'valkey', suites: ['sid'], oldest: '9.1' },
  'valkey-9.1-links': { server: 'valkey', suites: ['sid'], oldest: '9.1', hasLinks: true },
} as const satisfies Record<string, Origin>;

export const SERVER_IMAGES = Object.keys(ORIGINS) as ServerImageName[];

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * An image that behaves like the official one, built once per machine from the packages of one of Debian's suites. Nothing
 * is installed on the host.
 */
export async function serverImage(engine: Engine, name: ServerImageName): Promise<ServerImage> {
  const { server, suites, oldest, hasLinks = false }: Origin = ORIGINS[name];
  const image = `redis-cluster-as-code-tests:${name}-as-official`;
  if ((await engine.findImage(image)) !== undefined) return { image };
  const folder = await mkdtemp(join(tmpdir(), 'server-image-'));
  try {
    const aptConfig = await writeAptConfig(folder, server, suites);
    const env = { ...process.env, APT_CONFIG: aptConfig, LC_ALL: 'C' };
    await run('apt-get', ['update', '-q', '--error-on=any'], { env });
    const { stdout: policy } = await run('apt-cache', ['policy', `${server}-server`], { env });
    const version = /Candidate: (\S+)/.exec(policy)?.[1] ?? 'none';
    const isNewEnough = run('dpkg', ['--compare-versions', version, 'ge', oldest]).then(
      () => true,
      () => false,
    );
    if (!(await isNewEnough)) return { reason: `Debian has no ${name}, only ${version}` };
    const rootFileSystem = await buildRootFileSystem(() => undefined, { server, aptConfig });
    const number = /\d+\.\d+\.\d+/.exec(version)?.[0] ?? '';
    // Another test file may have had the same wish meanwhile, and a stack of it now.
    if ((await engine.findImage(image)) !== undefined) return { image };
    await engine.importImage(image, await likeOfficial(rootFileSystem, { server, number, hasLinks }), [
      ...imageSettings(server).filter((line) => !line.startsWith('USER ')),
      `ENTRYPOINT ["${ENTRYPOINT}"]`,
      `ENV ${server.toUpperCase()}_VERSION=${number}`,
    ]);
    return { image };
  } catch (error) {
    const lines = errorMessage(error).split('\n');
    const said = lines.find((line) => line.startsWith('E: ')) ?? lines[0] ?? '';
    return { reason: `no ${name} could be had from Debian: ${said}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const ENTRYPOINT = 'docker-entrypoint.sh';
/** As on Alpine. */
const OWNER = { uid: 999, gid: 1000 };

interface Contents {
  readonly server: ServerName;
  readonly number: string;
  readonly hasLinks: boolean;
}

/** The same root file system with the official image's user, owner of /data and entrypoint. */
async function likeOfficial(rootFileSystem: Buffer, { server, number, hasLinks }: Contents): Promise<Buffer> {
  const image = pack();
  for await (const entry of Readable.from([rootFileSystem]).pipe(extract())) {
    const { header } = entry;
    const content = await buffer(entry);
    if (header.name.startsWith('etc/')) continue;
    image.entry(header.name === 'data/' ? { ...header, ...OWNER } : header, content);
  }
  const { uid, gid } = OWNER;
  image.entry(
    { name: 'etc/passwd' },
    `root:x:0:0:root:/root:/bin/sh\n${server}:x:${uid}:${gid}::/data:/sbin/nologin\n`,
  );
  image.entry({ name: 'etc/group' }, `root:x:0:\n${server}:x:${gid}:\n`);
  image.entry({ name: `usr/bin/${ENTRYPOINT}`, mode: 0o755 }, entrypoint(server, number));
  for (const program of hasLinks ? ['server', 'cli'] : []) {
    image.entry({ name: `usr/bin/redis-${program}`, type: 'symlink', linkname: `${server}-${program}` });
  }
  image.finalize();
  return buffer(image);
}

/** What the official entrypoints do. Redis' gives /data to its user only where it knows all that is there, since 8.0. */
export function entrypoint(server: ServerName, number: string): string {
  const isRedis8 = server === 'redis' && Number.parseInt(number, 10) >= 8;
  const unknown = isRedis8 ? `find . -mindepth 1 -maxdepth 1 ! -name '*.rdb' ! -name appendonlydir` : 'true';
  const modules = `
if [ "$1" = redis-server ]; then
  modules=/usr/local/lib/redis/modules/
  [ -d "$modules" ] || echo "Warning: Default Redis modules directory $modules does not exist."
  for module in "$modules"*.so; do
    [ ! -x "$module" ] || set -- "$@" --loadmodule "$module"
  done
fi`;
  const refusal = `
if [ "$1" = valkey-server ] && ! [ -w . ]; then
  echo "error: directory is not writable by current user ($(id -u))" >&2
  exit 1
fi`;
  return `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ] || [ "\${1%.conf}" != "$1" ]; then
  set -- ${server}-server "$@"
fi
if [ "$1" = ${server}-server ] && [ "$(id -u)" = 0 ]; then
  if [ -z "$(${unknown})" ]; then
    find . ! -user ${server} -exec chown ${server} {} +
  else
    echo "Notice: Unknown file found in data dir. Permissions will not be modified."
  fi
  exec su -s /bin/sh ${server} -c 'exec "$0" "$@"' -- "$0" "$@"
fi
if [ "$(umask)" = 0022 ]; then
  umask 0077
fi${isRedis8 ? modules : ''}${server === 'valkey' ? refusal : ''}
exec "$@"
`;
}

/** Lists, caches and sources of its own, so that apt on the host sees nothing of it. */
export async function writeAptConfig(folder: string, server: ServerName, suites: readonly string[]): Promise<string> {
  const path = (name: string): string => join(folder, name);
  await mkdir(path('lists/partial'), { recursive: true });
  await mkdir(path('cache/archives/partial'), { recursive: true });
  await writeFile(path('status'), '');
  const source = (suite: string): string => `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`;
  await writeFile(path('sources.list'), suites.map(source).join(''));
  const pin = `Package: ${server}-*\nPin: release a=${suites.at(-1)}\nPin-Priority: 990\n`;
  await writeFile(path('preferences'), pin);
  const settings = {
    'Dir::Etc::sourcelist': path('sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': path('preferences'),
    'Dir::Etc::preferencesparts': '-',
    'Dir::State': folder,
    'Dir::State::lists': path('lists'),
    'Dir::State::status': path('status'),
    'Dir::Cache': path('cache'),
    'Acquire::Languages': 'none',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  await writeFile(path('apt.conf'), lines.join(''));
  return path('apt.conf');
}
