import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LABELS } from '../../src/plan/model/names.ts';
import { dockerOf, ownerLabels, type TestStack } from './test-stack.ts';

/** A file system of a few megabytes of its own, on which the data volume of one node lies: it can be full, or read-only. */
export interface SmallDisk {
  readonly folder: string;
  remount(how: 'ro' | 'rw'): void;
  unmount(): void;
}

const SIZE_BYTES = 24 * 1024 ** 2;

/** @returns why there is none, where this user or this machine can't mount a file */
export async function mountSmallDisk(stack: TestStack, node: number): Promise<SmallDisk | string> {
  const folder = join(stack.folder, 'disk');
  const image = join(stack.folder, 'disk.img');
  mkdirSync(folder);
  writeFileSync(image, '');
  truncateSync(image, SIZE_BYTES);
  try {
    execFileSync('mkfs.ext4', ['-q', '-m', '0', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' });
  } catch (error) {
    return `no file system of its own can be mounted here: ${String(error)}`;
  }
  rmdirSync(join(folder, 'lost+found'));
  chownSync(folder, 999, 999);
  await dockerOf(stack.engine).createVolume({
    Name: `${stack.container(node)}-data`,
    Labels: { [LABELS.stack]: stack.name, [LABELS.node]: `redis-${node}`, ...(await ownerLabels()) },
    DriverOpts: { type: 'none', o: 'bind', device: folder },
  });
  return {
    folder,
    remount: (how) => execFileSync('mount', ['-o', `remount,${how}`, folder], { stdio: 'pipe' }),
    unmount: () => execFileSync('umount', [folder], { stdio: 'pipe' }),
  };
}
