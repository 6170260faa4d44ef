import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { Extract } from 'tar-stream';
import type { ContainerFile } from '../plan/model/resources.ts';
import { progressAnswer, understood, UnknownAnswer } from './docker-answers.ts';
import type { ExecStreams, LargeFile, LogOptions } from './engine.ts';

/** Resolves when the stream of a pull or an import has ended; the engine reports failures inside it, with status 200. */
export async function followPull(stream: NodeJS.ReadableStream, onProgress: (text: string) => void): Promise<void> {
  const lines = createInterface({ input: stream });
  const failed = new Promise<never>((_resolve, reject) => {
    stream.on('error', reject);
  });
  // Where nobody waits for it any longer, nobody hears of it.
  failed.catch(() => undefined);
  const follow = async (): Promise<void> => {
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const { id, status, progress, error } = understood(progressAnswer, parsedLine(line));
      if (error !== undefined) throw new Error(error);
      onProgress([id, status, progress].filter(Boolean).join(' '));
    }
  };
  await Promise.race([follow(), failed]);
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UnknownAnswer('a line of its progress is no JSON');
  }
}

export async function tarOf(files: readonly ContainerFile[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const { path, content, mode, uid, gid } of files) {
    const name = path.replace(/^\//, '');
    archive.entry({ name, mode, uid, gid, type: path.endsWith('/') ? 'directory' : 'file' }, content);
  }
  archive.finalize();
  return buffer(archive);
}

/** The texts of the files in the archive that `GET /containers/{id}/archive` answers, by their names in it. */
export async function readTextFiles(archive: NodeJS.ReadableStream): Promise<ReadonlyMap<string, string>> {
  const { extract } = await import('tar-stream');
  const texts = new Map<string, string>();
  const entries = extract();
  // A pipe doesn't pass it on, and an archive that was cut off would never end.
  archive.once('error', (error) => entries.destroy(error));
  for await (const entry of archive.pipe(entries)) {
    const content = await buffer(entry);
    if (entry.header.type === 'file') texts.set(entry.header.name, content.toString('utf8'));
  }
  return texts;
}

/**
 * The bytes of the one file in the archive that `GET /containers/{id}/archive` answers, as they come.
 *
 * @param step bounds the wait for each chunk
 */
export async function* fileChunks(
  archive: NodeJS.ReadableStream,
  step: <T>(next: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  // A pipe doesn't pass it on, and a file that was cut off would never end.
  archive.once('error', (error) => entries.destroy(error));
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
export async function tarStream(
  { path, sizeBytes, mode, uid, gid }: LargeFile,
  content: AsyncIterable<Buffer>,
  onMove: () => void,
): Promise<Readable> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const entry = archive.entry({ name: path.replace(/^\//, ''), size: sizeBytes, mode, uid, gid, type: 'file' });
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

/** @param open bounds the wait for the answer's beginning; where nobody follows, for all of it */
export async function* readLogs(
  docker: Docker,
  name: string,
  { signal, ...options }: LogOptions & { readonly signal: AbortSignal },
  open: <T>(call: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer> {
  const container = docker.getContainer(name);
  const query = {
    stdout: true as const,
    stderr: true as const,
    timestamps: options.timestamps,
    ...(options.tail === 'all' ? {} : { tail: options.tail }),
  };
  if (!options.follow) {
    const frames: unknown = await open(() => container.logs({ ...query, follow: false }));
    // Text that looks like JSON arrives as what it says.
    if (!Buffer.isBuffer(frames)) throw new UnknownAnswer('these are no logs');
    yield* demultiplexed(frames);
    return;
  }
  const stream = await open(() => container.logs({ ...query, follow: true, abortSignal: signal }));
  const text = new PassThrough();
  docker.modem.demuxStream(stream, text, text);
  stream.on('end', () => text.end());
  stream.on('error', (error) => text.destroy(error));
  const chunks: AsyncIterable<Buffer> = text;
  yield* chunks;
}

/** Engine API 1.41, "Attach to a container": each frame is an 8-byte header (stream, 0, 0, 0, length) and its payload. */
function* demultiplexed(frames: Buffer): Generator<Buffer> {
  const headerBytes = 8;
  for (let at = 0; at + headerBytes <= frames.length;) {
    const length = frames.readUInt32BE(at + 4);
    yield frames.subarray(at + headerBytes, at + headerBytes + length);
    at += headerBytes + length;
  }
}

/** On a terminal the command gets one too, of the same size; otherwise its stdout and stderr stay apart. */
export async function execInteractive(
  docker: Docker,
  name: string,
  command: readonly string[],
  { stdin, stdout, stderr }: ExecStreams,
): Promise<number> {
  const terminal = stdin.isTTY && stdout.isTTY;
  const exec = await docker.getContainer(name).exec({
    Cmd: [...command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: terminal,
    ...(terminal ? { Env: [`TERM=${process.env['TERM'] ?? 'xterm'}`] } : {}),
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: terminal });

  const resize = (): void => {
    // A resize that comes as the command ends finds no process: there is nothing left to resize.
    exec.resize({ h: stdout.rows, w: stdout.columns }).catch(() => undefined);
  };
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    resize();
    stream.pipe(stdout, { end: false });
  } else {
    docker.modem.demuxStream(stream, stdout, stderr);
  }
  stdin.pipe(stream);
  try {
    await new Promise<void>((resolve, reject) => {
      stream.on('end', resolve);
      stream.on('close', resolve);
      stream.on('error', reject);
    });
  } finally {
    stdin.unpipe(stream);
    stdin.pause();
    if (terminal) {
      stdin.setRawMode(false);
      stdout.off('resize', resize);
    }
  }
  const { ExitCode } = await exec.inspect();
  return ExitCode ?? 1;
}

/** No stdin, no terminal; what it writes to stderr is left out. */
export async function readCommand(docker: Docker, name: string, command: readonly string[]): Promise<string> {
  const exec = await docker
    .getContainer(name)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: false });
  const stream = await exec.start({ hijack: true, stdin: false });
  const [output, errors] = [new PassThrough(), new PassThrough()];
  errors.resume();
  docker.modem.demuxStream(stream, output, errors);
  stream.on('end', () => output.end());
  stream.on('error', (error) => output.destroy(error));
  return (await buffer(output)).toString('utf8');
}
