import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { Extract } from 'tar-stream';
import { whileMoving, type Bounds } from '../bounds.ts';
import type { ContainerFile, FileStat } from '../plan/model/resources.ts';
import { fileStat, fileStatAnswer, parsedJson, understood } from './docker-answers.ts';
import { unlessMissing, type Calls } from './docker-calls.ts';
import type { Engine, LargeFile } from './engine.ts';
import type { FilePlaces } from './file-places.ts';

type ContainerFiles = Pick<Engine, 'writeFiles' | 'readFile' | 'readFolder' | 'openFile' | 'putFile' | 'statFile'>;

/** Files of containers: the engine takes and gives them in tar archives, also where the container doesn't run. */
export function containerFiles(
  docker: Docker,
  { attempt, bounded, look, change }: Calls,
  bounds: Bounds,
  { placeIn, archived }: FilePlaces,
): ContainerFiles {
  const readFiles = (container: string, path: string): Promise<ReadonlyMap<string, string> | undefined> =>
    look(`read ${path} of ${container}`, () =>
      unlessMissing(async () => {
        const archive = await docker.getContainer(container).getArchive({ path: await placeIn(container, path) });
        return readTextFiles(archive);
      }),
    );
  return {
    writeFiles: (containerName, files) =>
      change(`write the files of ${containerName}`, async () => {
        const all = await Promise.all(
          files.map(async (file) => ({ ...(await archived(containerName, file.path)), file })),
        );
        for (const folder of new Set(all.map((one) => one.folder))) {
          const inside = all
            .filter((one) => one.folder === folder)
            .map(({ file, place }) => ({ ...file, path: place }));
          await docker.getContainer(containerName).putArchive(await tarOf(folder, inside), { path: folder || '/' });
        }
      }),
    readFile: async (containerName, path) => {
      const [text] = (await readFiles(containerName, path))?.values() ?? [];
      return text;
    },
    readFolder: async (containerName, path) => {
      const files = await readFiles(containerName, path);
      // In the archive they are below the folder's own name.
      return files && new Map([...files].map(([name, text]) => [posix.join(path, name.replace(/^[^/]*/, '')), text]));
    },
    openFile: (containerName, path) =>
      look(`open ${path} of ${containerName}`, () =>
        unlessMissing(async () => {
          const archive = await docker.getContainer(containerName).getArchive({ path });
          return fileChunks(archive, (next) => bounded(`read ${path} of ${containerName}`, next));
        }),
      ),
    putFile: (containerName, file, content) =>
      attempt(`write ${file.path} of ${containerName}`, () =>
        whileMoving(
          async (onMove) => {
            const archive = await tarStream(file, content, onMove);
            // For its folder: one root can only be read, and what comes for another doesn't reach a volume on Podman.
            const path = posix.dirname(file.path);
            await docker.getContainer(containerName).putArchive(archive, { path, abortSignal: bounds.signal });
          },
          `no progress while writing ${file.path} of ${containerName}`,
          bounds,
        ),
      ),
    statFile: (containerName, path) =>
      look(`look for ${path} in ${containerName}`, async () => {
        const found = await unlessMissing(async () =>
          docker.getContainer(containerName).infoArchive({ path: await placeIn(containerName, path) }),
        );
        return found && statOf(found);
      }),
  };
}

async function tarOf(folder: string, files: readonly ContainerFile[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const { path, content, mode, uid, gid, changedAtMs } of files) {
    const name = path.slice(folder.length + 1) || './';
    const type = path.endsWith('/') ? 'directory' : 'file';
    archive.entry(
      { name, mode, uid, gid, type, ...(changedAtMs !== undefined && { mtime: new Date(changedAtMs) }) },
      content,
    );
  }
  archive.finalize();
  return buffer(archive);
}

/** Of the header of `HEAD /containers/{id}/archive`. */
function statOf(answer: unknown): FileStat {
  const { headers } = understood(fileStatAnswer, answer);
  const text = Buffer.from(headers['x-docker-container-path-stat'], 'base64').toString('utf8');
  const { size, mtime } = understood(fileStat, parsedJson(text, 'what it says of a file'));
  return { sizeBytes: size, changedAtMs: Date.parse(mtime) };
}

/** The texts of the files in the archive that `GET /containers/{id}/archive` answers, by their names in it. */
async function readTextFiles(archive: NodeJS.ReadableStream): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for await (const entry of archive.pipe(await entriesOf(archive))) {
    const content = await buffer(entry);
    if (entry.header.type === 'file') texts.set(entry.header.name, content.toString('utf8'));
  }
  return texts;
}

/** To pipe the archive into. */
async function entriesOf(archive: NodeJS.ReadableStream): Promise<Extract> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  // A pipe doesn't pass it on, and an archive that was cut off would never end.
  archive.once('error', (error) => entries.destroy(error));
  return entries;
}

/**
 * The bytes of the one file in the archive that `GET /containers/{id}/archive` answers, as they come.
 *
 * @param step bounds the wait for each chunk
 */
async function* fileChunks(
  archive: NodeJS.ReadableStream,
  step: <T>(next: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer> {
  const entries = await entriesOf(archive);
  const chunks = contentOf(archive.pipe(entries));
  try {
    for (let next = await step(() => chunks.next()); next.done !== true; next = await step(() => chunks.next())) {
      yield next.value;
    }
  } finally {
    // Who stops half-way leaves no connection behind on which the engine goes on sending.
    entries.destroy(new Error('nobody reads it any more'));
    if (archive instanceof Readable) archive.destroy();
  }
}

async function* contentOf(entries: Extract): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    for await (const chunk of entry) {
      if (entry.header.type === 'file' && Buffer.isBuffer(chunk)) yield chunk;
    }
  }
}

/** An archive of one file, made as its content comes. @param onMove called for each chunk that is taken */
async function tarStream(
  { path, sizeBytes, mode, uid, gid }: LargeFile,
  content: AsyncIterable<Buffer>,
  onMove: () => void,
): Promise<Readable> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const entry = archive.entry({ name: posix.basename(path), size: sizeBytes, mode, uid, gid, type: 'file' });
  let goOn = (): void => undefined;
  entry.on('drain', () => goOn()).on('close', () => goOn());
  // The archive fails with it, and says so to who reads it.
  entry.on('error', () => undefined);
  const fill = async (): Promise<void> => {
    for await (const chunk of content) {
      onMove();
      const isFull = !entry.write(chunk);
      if (isFull) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      if (archive.destroyed) return;
    }
    entry.end(undefined);
    archive.finalize();
  };
  // dockerode ends the request when its archive fails.
  fill().catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  return Readable.from(archive);
}
