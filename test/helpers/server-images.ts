import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
}

const ORIGINS = {
  /** Moves slots atomically, as 8.4 and later. */
  'redis-8.6': { server: 'redis', suites: ['sid', 'experimental'], oldest: '5:8.4' },
  'valkey-8.1': { server: 'valkey', suites: ['trixie'], oldest: '8.1' },
  'valkey-9.1': { server: 'valkey', suites: ['sid'], oldest: '9.1' },
} as const satisfies Record<string, Origin>;

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * An image with another server than this Debian has, built once per machine from the packages of Debian's other suites.
 * Nothing is installed on the host.
 */
export async function serverImage(engine: Engine, name: ServerImageName): Promise<ServerImage> {
  const { server, suites, oldest }: Origin = ORIGINS[name];
  const image = `redis-cluster-as-code-tests:${name}`;
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
    await engine.importImage(image, rootFileSystem, imageSettings(server));
    return { image };
  } catch (error) {
    const lines = errorMessage(error).split('\n');
    const said = lines.find((line) => line.startsWith('E: ')) ?? lines[0] ?? '';
    return { reason: `no ${name} could be had from Debian: ${said}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lists, caches and sources of its own, so that apt on the host sees nothing of it. */
async function writeAptConfig(folder: string, server: ServerName, suites: readonly string[]): Promise<string> {
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
