import { once } from 'node:events';
import { connect } from 'node:net';
import { serve, type Entrance } from '../../src/api/http/serve.ts';
import type { Session } from '../../src/stack/session/session.ts';
import type { TestStack } from './test-stack.ts';
import { hintText } from './hint-text.ts';

/** The real service on a stack, in this process, at a free port. */
export interface RunningService {
  readonly url: string;
  readonly port: number;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** As Ctrl-C does, and waits for its end. */
  readonly stop: () => Promise<void>;
}

/** @param change a session that isn't quite the stack's own */
export async function startService(
  stack: TestStack,
  entrance: Partial<Entrance> = {},
  change: (session: Session) => Session = (session) => session,
): Promise<RunningService> {
  const stopping = new AbortController();
  const open = async (): Promise<Session> => change(await stack.session());
  const first = await open();
  let ended = Promise.resolve();
  const url = await new Promise<string>((onListening, onFailure) => {
    ended = serve(first, {
      entrance: { host: '127.0.0.1', port: 0, token: undefined, ...entrance },
      checkout: process.cwd(),
      open,
      signal: stopping.signal,
      onListening,
      renderHint: hintText,
    });
    ended.catch(onFailure);
  });
  return {
    url,
    port: Number(new URL(url).port),
    get: (path, headers = {}) => fetch(`${url}${path}`, { headers }),
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

/** What came back for bytes that no HTTP client would send. */
export interface RawAnswer {
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const LONGEST_ANSWER_MS = 15_000;

/** Sends bytes as they are, and reads until the service ends the connection: ask it to with `Connection: close`. */
export async function sendBytes(port: number, bytes: string | Buffer, host = '127.0.0.1'): Promise<RawAnswer> {
  const socket = connect({ host, port });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A service that refuses early closes while this side still sends.
  socket.on('error', () => undefined);
  socket.setTimeout(LONGEST_ANSWER_MS, () => socket.destroy());
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  socket.once('end', () => socket.end());
  await once(socket, 'close');
  return parseAnswer(Buffer.concat(chunks));
}

/** A GET whose path, and whose headers, are written down as they are. */
export function sendGet(port: number, path: string, headers: readonly string[] = []): Promise<RawAnswer> {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, 'Connection: close'];
  return sendBytes(port, `${lines.join('\r\n')}\r\n\r\n`);
}

const IN_ONE_GO = 100;

/** GETs one behind the other over one connection, many in one go. @returns the body of each, all with status 200 */
export async function pipelineGets(port: number, paths: readonly string[]): Promise<string[]> {
  const socket = connect({ host: '127.0.0.1', port });
  const bodies: string[] = [];
  const sendNext = (): void => {
    const next = paths.slice(bodies.length, bodies.length + IN_ONE_GO);
    socket.write(next.map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`).join(''));
  };
  let unread = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const end = unread.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = unread.toString('latin1', 0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
      if (!head.startsWith('HTTP/1.1 200 ')) return socket.destroy(new Error(head));
      if (unread.length < end + 4 + length) return;
      bodies.push(unread.toString('utf8', end + 4, end + 4 + length));
      unread = unread.subarray(end + 4 + length);
      if (bodies.length === paths.length) return socket.end();
      if (bodies.length % IN_ONE_GO === 0) sendNext();
    }
  });
  sendNext();
  await once(socket, 'close');
  return bodies;
}

function parseAnswer(bytes: Buffer): RawAnswer {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(0, end)).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const raw = end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  // What stood behind the request may have been answered, too.
  const length = Number(headers.get('content-length') ?? raw.length);
  const body = headers.get('transfer-encoding') === 'chunked' ? unchunked(raw) : raw.subarray(0, length);
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0), headers, body: body.toString('utf8') };
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', offset);
    const size = Number.parseInt(bytes.toString('latin1', offset, lineEnd), 16);
    if (lineEnd === -1 || !(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    offset = lineEnd + 2 + size + 2;
  }
}
