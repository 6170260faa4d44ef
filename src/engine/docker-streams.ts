import { PassThrough } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type Docker from 'dockerode';
import { parsedJson, progressAnswer, understood, UnknownAnswer } from './docker-answers.ts';
import type { LogOptions } from './engine.ts';

/** Lines of text that comes in chunks, wherever they are cut; the last one also without its end. */
export async function* linesOf(chunks: AsyncIterable<string | Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.end();
  if (rest !== '') yield rest;
}

/**
 * Resolves when the stream of a pull or an import has ended; the engine reports failures inside it, with status 200.
 * dockerode's own `followProgress` doesn't look at them, and what is no JSON ends the process.
 */
export async function followPull(stream: NodeJS.ReadableStream, onProgress: (text: string) => void): Promise<void> {
  for await (const line of linesOf(stream)) {
    if (line.trim() === '') continue;
    const answer = understood(progressAnswer, parsedJson(line, 'a line of its progress'));
    const { id, status, progress, error = answer.errorDetail?.message } = answer;
    if (error !== undefined) throw new Error(error);
    onProgress([id, status, progress].filter(Boolean).join(' '));
  }
}

/** The same items; `attempt` has each wait for the next one, and says what a failure between two of them is. */
export async function* translated<T>(
  items: AsyncGenerator<T>,
  attempt: <R>(next: () => Promise<R>) => Promise<R>,
): AsyncGenerator<T> {
  try {
    for (;;) {
      const next = await attempt(() => items.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Who stops half-way wants no more of it.
    await items.return(undefined);
  }
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
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, output);
  stream.on('end', () => output.end());
  stream.on('error', (error) => output.destroy(error));
  const chunks: AsyncIterable<Buffer> = output;
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
