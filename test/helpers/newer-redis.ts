import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from '../../src/engine/engine.ts';
import { errorMessage } from '../../src/errors.ts';
import { buildRootFileSystem, IMAGE_SETTINGS } from '../../src/image/debian-root-fs.ts';

const run = promisify(execFile);

/** An image to test with, or why there is none here. */
export type NewerRedis = { readonly image: string } | { readonly reason: string };

const IMAGE = 'redis-cluster-as-code-tests:redis-8.6';
const OLDEST = '5:8.4';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SUITES = ['sid', 'experimental'];

/**
 * An image with a Redis that moves slots atomically (8.4 and later), built once per machine from the packages of
 * Debian's suites `sid` and `experimental`. Nothing is installed on the host.
 */
export async function newerRedis(engine: Engine): Promise<NewerRedis> {
  if ((await engine.findImage(IMAGE)) !== undefined) return { image: IMAGE };
  const folder = await mkdtemp(join(tmpdir(), 'newer-redis-'));
  try {
    const aptConfig = await writeAptConfig(folder);
    const env = { ...process.env, APT_CONFIG: aptConfig, LC_ALL: 'C' };
    await run('apt-get', ['update', '-q', '--error-on=any'], { env });
    const { stdout: policy } = await run('apt-cache', ['policy', 'redis-server'], { env });
    const version = /Candidate: (\S+)/.exec(policy)?.[1] ?? 'none';
    const isNewEnough = run('dpkg', ['--compare-versions', version, 'ge', OLDEST]).then(
      () => true,
      () => false,
    );
    if (!(await isNewEnough)) return { reason: `Debian has no Redis that moves slots atomically, only ${version}` };
    const rootFileSystem = await buildRootFileSystem(() => undefined, aptConfig);
    await engine.importImage(IMAGE, rootFileSystem, IMAGE_SETTINGS);
    return { image: IMAGE };
  } catch (error) {
    const lines = errorMessage(error).split('\n');
    const said = lines.find((line) => line.startsWith('E: ')) ?? lines[0] ?? '';
    return { reason: `no newer Redis could be had from Debian: ${said}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lists, caches and sources of its own, so that apt on the host sees nothing of it. */
async function writeAptConfig(folder: string): Promise<string> {
  const path = (name: string): string => join(folder, name);
  await mkdir(path('lists/partial'), { recursive: true });
  await mkdir(path('cache/archives/partial'), { recursive: true });
  await writeFile(path('status'), '');
  const source = (suite: string): string => `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`;
  await writeFile(path('sources.list'), SUITES.map(source).join(''));
  // Redis from `experimental` where that has it, and everything else from `sid`.
  await writeFile(path('preferences'), 'Package: redis-*\nPin: release a=experimental\nPin-Priority: 990\n');
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
