import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $, ProcessOutput } from 'zx';
import { errorMessage } from '../../src/errors.ts';
import { cacheFolder } from '../../src/user-folders.ts';
import { writeAptConfig } from '../../test/helpers/server-images.ts';
import { ENGINES, PACKAGES, type EngineName } from './engines.ts';

const USER = 'me:x:1000:1000::/home/me:/bin/sh\n';
const FILES: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/root:/bin/sh\n${USER}`,
  group: 'root:x:0:\nme:x:1000:\n',
  subuid: 'me:100000:65536\n',
  subgid: 'me:100000:65536\n',
  hosts: '127.0.0.1 localhost\n',
  'resolv.conf': 'nameserver 127.0.0.1\n',
};

/** Kept between runs: GROUNDS_FOLDER, or in the user's cache. */
export function groundsFolder(env: NodeJS.ProcessEnv): string {
  return env['GROUNDS_FOLDER'] ?? join(cacheFolder(env), 'grounds');
}

/**
 * A root file system with an engine in it, and all that it needs: its packages' files, unpacked. Nothing of them is run, and
 * nothing is installed on the host.
 */
export async function engineRoot(name: EngineName): Promise<{ readonly root: string } | { readonly reason: string }> {
  const { kind, suite } = ENGINES[name];
  const folder = groundsFolder(process.env);
  const packages = PACKAGES[kind];
  const digest = createHash('sha256').update(packages.join()).digest('hex').slice(0, 8);
  const root = join(folder, `${suite}-${kind}-${digest}`);
  if (existsSync(root)) return { root };
  await mkdir(folder, { recursive: true });
  // In the same folder: it is there as a whole, or not at all.
  const made = await mkdtemp(`${root}-`);
  try {
    const unpacked = join(made, 'root');
    await unpack(made, unpacked, suite, packages);
    for (const [file, text] of Object.entries(FILES)) await writeFile(join(unpacked, 'etc', file), text);
    for (const place of ['proc', 'sys', 'dev', 'run', 'tmp', 'root', 'home/me', 'ground', 'old']) {
      await mkdir(join(unpacked, place), { recursive: true });
    }
    if (kind === 'podman') {
      await appendFile(join(unpacked, 'etc/containers/containers.conf'), '[network]\nfirewall_driver = "iptables"\n');
    }
    // Somebody else's, made meanwhile, is as good.
    await rename(unpacked, root).catch((error: unknown) => {
      if (!existsSync(root)) throw error;
    });
    return { root };
  } catch (error) {
    const said = error instanceof ProcessOutput ? error.stderr : errorMessage(error);
    const line = said.split('\n').find((one) => one.startsWith('E: ')) ?? said.split('\n')[0];
    return { reason: `no ${name} could be had from Debian: ${line}` };
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function unpack(folder: string, root: string, suite: string, packages: readonly string[]): Promise<void> {
  const env = { ...process.env, APT_CONFIG: await writeAptConfig(folder, 'redis', [suite]), LC_ALL: 'C' };
  const quietly = $({ env, quiet: true });
  await quietly`apt-get update -q --error-on=any`;
  await quietly`apt-get install -qy --no-install-recommends --download-only ${packages}`;
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await quietly`mkdir -p ${root}/usr/${name} && ln -s usr/${name} ${root}/${name}`;
  }
  // Older packages hold /bin and /lib: these stay links.
  await quietly`for deb in ${folder}/cache/archives/*.deb; do dpkg-deb --fsys-tarfile $deb | tar -xp --keep-directory-symlink -C ${root}; done`;
}
