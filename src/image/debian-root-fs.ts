import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { errorMessage, StackError } from '../errors.ts';
import type { ServerName } from '../plan/model/resources.ts';

const run = promisify(execFile);

const BUSYBOX = '/bin/busybox';
const REDIS = { uid: 999, gid: 999 };

/** What an image of this root file system is told besides, as lines of a Dockerfile. */
export function imageSettings(server: ServerName = 'redis'): string[] {
  return [
    `USER ${REDIS.uid}:${REDIS.gid}`,
    'WORKDIR /data',
    'VOLUME /data',
    'EXPOSE 6379',
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    `CMD ["${server}-server"]`,
  ];
}

interface Packages {
  readonly server?: ServerName;
  /** The path of an apt.conf that names another suite and other folders for what apt keeps. */
  readonly aptConfig?: string;
}

/**
 * A root file system with Redis, redis-cli, TLS and a shell, as a tar archive, from the packages of the Debian or Ubuntu
 * that this program runs on. Nothing is installed on the host and no root is needed.
 *
 * @throws StackError IMAGE_BUILD_FAILED without apt, without package lists, or when a package can't be had.
 */
export async function buildRootFileSystem(
  onProgress: (text: string) => void,
  { server = 'redis', aptConfig }: Packages = {},
): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-image-'));
  try {
    onProgress('downloading packages');
    const env = aptConfig === undefined ? {} : { APT_CONFIG: aptConfig };
    const packages = [`${server}-server`, `${server}-tools`, 'busybox-static'];
    const libraries = await dependenciesOf(`${server}-tools`, env);
    await command('apt-get', ['download', '-q', ...new Set([...packages, ...libraries])], folder, env);
    onProgress('unpacking');
    const root = join(folder, 'root');
    for (const name of (await readdir(folder)).filter((file) => file.endsWith('.deb'))) {
      await command('dpkg-deb', ['-x', join(folder, name), root], folder);
    }
    onProgress('packing');
    return await packRoot(root, [`/usr/bin/${server}-server`, `/usr/bin/${server}-cli`]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The shared libraries' packages. adduser and what it pulls in serve the package's own installation only. */
async function dependenciesOf(name: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const { stdout } = await command('apt-cache', ['depends', '--recurse', ...kinds, name], tmpdir(), env);
  return stdout.split('\n').filter((line) => /^(lib|zlib)[a-z0-9.+-]+$/.test(line));
}

async function command(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string }> {
  try {
    return await run(program, args, { cwd, env: { ...process.env, ...env, LC_ALL: 'C' }, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    throw new StackError('IMAGE_BUILD_FAILED', {
      message: `${program} failed while the image was built: ${errorMessage(error).split('\n').slice(0, 4).join(' ')}`,
      hint: 'The image is built from the packages of a Debian or Ubuntu host. On one: sudo apt-get update, then again.',
      cause: error,
    });
  }
}

/** Only the programs and the libraries that their loader really opens: 18 MB instead of 120. */
async function packRoot(root: string, programs: readonly string[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const directory = (name: string, mode = 0o755, owner = { uid: 0, gid: 0 }): void => {
    archive.entry({ name: `${name}/`, type: 'directory', mode, ...owner });
  };
  const text = (name: string, content: string): void => {
    archive.entry({ name, mode: 0o644 }, content);
  };
  const link = (name: string, linkname: string): void => {
    archive.entry({ name, type: 'symlink', linkname });
  };

  for (const name of ['usr', 'usr/bin', 'usr/lib', 'usr/lib64', 'etc', 'proc', 'sys', 'dev', 'root', 'run'])
    directory(name);
  for (const name of ['bin', 'lib', 'lib64']) link(name, `usr/${name}`);
  directory('tmp', 0o1777);
  directory('data', 0o755, REDIS);
  text('etc/passwd', `root:x:0:0:root:/root:/bin/sh\nredis:x:${REDIS.uid}:${REDIS.gid}:redis:/data:/bin/sh\n`);
  text('etc/group', `root:x:0:\nredis:x:${REDIS.gid}:\n`);

  const triplet = (await readdir(join(root, 'usr/lib'))).find((name) => name.includes('-linux-')) ?? 'unknown';
  directory(`usr/lib/${triplet}`);
  const { loader, libraries } = await loadedLibraries(root, triplet, programs);
  for (const library of libraries) {
    archive.entry(
      { name: `usr/lib/${triplet}/${basename(library)}`, mode: 0o755 },
      await readFile(await realpath(library)),
    );
  }
  // The path that the programs name as their interpreter: lib64 on x86-64, lib on arm64.
  archive.entry({ name: `usr${loader.path}`, mode: 0o755 }, await readFile(await realpath(loader.file)));

  for (const program of [...programs, BUSYBOX]) {
    archive.entry({ name: `usr/bin/${basename(program)}`, mode: 0o755 }, await readFile(await existing(root, program)));
  }
  const busybox = await existing(root, BUSYBOX);
  const applets = (await command(busybox, ['--list'], root)).stdout.split('\n').filter(Boolean);
  for (const applet of applets.filter((name) => name !== 'busybox')) link(`usr/bin/${applet}`, 'busybox');
  archive.finalize();
  return buffer(archive);
}

interface Loaded {
  readonly loader: { readonly path: string; readonly file: string };
  readonly libraries: readonly string[];
}

/** Asks the packages' own dynamic loader, so that the host's libraries can't slip in. */
async function loadedLibraries(root: string, triplet: string, programs: readonly string[]): Promise<Loaded> {
  const loader = await findLoader(root);
  const folders = [`lib/${triplet}`, `usr/lib/${triplet}`].map((folder) => join(root, folder)).join(':');
  const libraries = new Set<string>();
  for (const program of programs) {
    const file = await existing(root, program);
    const { stdout } = await command(loader.file, ['--library-path', folders, '--list', file], root);
    const missing = /(\S+) => not found/.exec(stdout)?.[1];
    if (missing !== undefined)
      throw new StackError('IMAGE_BUILD_FAILED', {
        message: `the packages hold no ${missing}, which ${program} needs`,
      });
    for (const [, path] of stdout.matchAll(/=> (\/\S+)/g)) if (path?.startsWith(root)) libraries.add(path);
  }
  return { loader, libraries: [...libraries].filter((path) => !basename(path).startsWith('ld-linux')).toSorted() };
}

async function findLoader(root: string): Promise<Loaded['loader']> {
  // Newer C library packages hold what belongs in /lib64 under /usr only; programs name it without.
  for (const folder of ['/lib64', '/lib', '/usr/lib64', '/usr/lib']) {
    const names = await readdir(join(root, folder)).catch(() => []);
    const name = names.find((file) => file.startsWith('ld-linux'));
    if (name === undefined) continue;
    const path = `${folder.replace('/usr', '')}/${name}`;
    // A link to an absolute path would be followed out of the root, to the host's own loader.
    const target = await realpath(join(root, folder, name)).catch(() => '');
    const file = target.startsWith(root) ? target : await findFile(root, /^ld-linux.*\.so|^ld-\d.*\.so$/);
    if (file !== undefined) return { path, file };
  }
  throw new StackError('IMAGE_BUILD_FAILED', {
    message: 'the C library package holds no dynamic loader',
    hint: 'Report this with the output of: dpkg --print-architecture',
  });
}

async function findFile(root: string, pattern: RegExp): Promise<string | undefined> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && pattern.test(entry.name)) return join(entry.parentPath, entry.name);
  }
  return undefined;
}

/** Debian is moving files from /bin to /usr/bin; both places are looked at. */
async function existing(root: string, path: string): Promise<string> {
  for (const candidate of [join(root, path), join(root, '/usr', path)]) {
    const found = await lstat(candidate).catch(() => undefined);
    // redis-server is a link to redis-check-rdb: the same program under two names.
    if (found !== undefined) return realpath(candidate);
  }
  throw new StackError('IMAGE_BUILD_FAILED', { message: `the packages hold no ${path}` });
}
