import type { Engine } from '../../engine/engine.ts';
import { buildRootFileSystem, IMAGE_SETTINGS } from '../../image/debian-root-fs.ts';
import { LOCAL_IMAGE } from '../../plan/model/names.ts';

/**
 * Makes the small local image that stands in for a registry's where none can be reached.
 *
 * @returns the image's name and size in bytes.
 */
export async function buildLocalImage(
  engine: Engine,
  onProgress: (text: string) => void,
): Promise<{ reference: string; bytes: number }> {
  const rootFileSystem = await buildRootFileSystem(onProgress);
  onProgress('importing');
  await engine.importImage(LOCAL_IMAGE, rootFileSystem, IMAGE_SETTINGS);
  return { reference: LOCAL_IMAGE, bytes: rootFileSystem.length };
}
