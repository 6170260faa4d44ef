import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { whileMoving, type Bounds } from '../bounds.ts';
import { imageAnswer, understood } from './docker-answers.ts';
import { splitReference, toImage } from './docker-bodies.ts';
import { unlessMissing, type Calls } from './docker-calls.ts';
import { followPull } from './docker-streams.ts';
import type { SingleEngine } from './engine.ts';

type Images = Pick<SingleEngine, 'findImage' | 'pullImage' | 'spreadImage' | 'importImage' | 'saveImage' | 'loadImage'>;

export function containerImages(
  docker: Docker,
  { attempt, look, change }: Calls,
  { signal, timeoutMs }: Bounds,
): Images {
  return {
    findImage: (reference) =>
      look(`look up image ${reference}`, () =>
        unlessMissing(async () => toImage(understood(imageAnswer, await docker.getImage(reference).inspect()))),
      ),
    pullImage: (reference, onProgress) =>
      attempt(`pull image ${reference}`, () =>
        whileMoving(
          async (onMove) => {
            const named = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
            await followPull(await docker.pull(named, { abortSignal: signal }), (text) => {
              onMove();
              onProgress(text);
            });
          },
          `no progress while pulling ${reference}`,
          { signal, timeoutMs },
        ),
      ),
    spreadImage: async () => undefined,
    importImage: (reference, rootFileSystem, instructions) =>
      change(`import image ${reference}`, async () => {
        const [repo, tag] = splitReference(reference);
        const options = { repo, tag, changes: [...instructions] };
        let last = '';
        await followPull(await docker.importImage(Readable.from([rootFileSystem]), options), (text) => {
          last = text;
        });
        // Podman 4 calls every import `latest`.
        const [id] = /sha256:[0-9a-f]{64}/.exec(last) ?? [];
        if (id !== undefined) await docker.getImage(id).tag({ repo, tag });
      }),
    saveImage: (reference) => attempt(`save image ${reference}`, () => docker.getImage(reference).get()),
    loadImage: (reference, archive) =>
      attempt(`load image ${reference}`, () =>
        whileMoving(
          async (onMove) => {
            archive.on('data', onMove);
            await followPull(await docker.loadImage(archive, { quiet: true }), onMove);
          },
          `no progress while loading ${reference}`,
          { signal, timeoutMs },
        ),
      ),
  };
}
