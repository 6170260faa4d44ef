/** A real engine's answers, and a false engine that gives them back damaged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Method and path → every answer that the real engine gave to it, in the order of time. */
export type Recording = Map<string, Answer[]>;

export interface FalseEngine {
  /** As DOCKER_HOST. */
  readonly address: string;
  readonly close: () => void;
}

/** An engine that passes on everything to the one at `socketPath`, and keeps what it answers. */
export async function recordingEngine(socketPath: string, recording: Recording): Promise<FalseEngine> {
  return listen((incoming, socket) => {
    void (async () => {
      const sent = await buffer(incoming);
      const { method = 'GET', url = '/', headers } = incoming;
      const outgoing = request({ socketPath, method, path: url, headers });
      outgoing.on('error', () => socket.destroy());
      outgoing.on('response', (response) => {
        void buffer(response).then((body) => {
          const answer = {
            status: response.statusCode ?? 500,
            type: response.headers['content-type'] ?? 'application/json',
            body,
          };
          const key = keyOf(incoming);
          recording.set(key, [...(recording.get(key) ?? []), answer]);
          socket.end(rawAnswer(answer, { isBodyless: method === 'HEAD' }));
        });
      });
      outgoing.end(sent);
    })().catch(() => socket.destroy());
  });
}

export interface DamageTally {
  answers: number;
  damaged: number;
  readonly kinds: Map<string, number>;
}

/** An engine that knows only what was recorded, and damages some of its answers: few, so that commands get far, or most. */
export async function damagingEngine(
  recording: Recording,
  random: () => number,
  tally: DamageTally,
): Promise<FalseEngine> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const rate = pick([0.1, 0.2, 0.6]);
  return listen((incoming, socket) => {
    incoming.resume();
    const known = recording.get(keyOf(incoming));
    const answer = known === undefined ? MISSING : pick(known);
    tally.answers += 1;
    if (random() > rate) {
      socket.end(rawAnswer(answer, { isBodyless: incoming.method === 'HEAD' }));
      return;
    }
    tally.damaged += 1;
    const kind = pick(Object.keys(DAMAGES));
    tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
    DAMAGES[kind]?.(answer, socket, { random, pick });
  });
}

const MISSING: Answer = { status: 404, type: 'application/json', body: Buffer.from('{"message":"No such container"}') };

interface Chance {
  readonly random: () => number;
  readonly pick: <T>(items: readonly T[]) => T;
}

type Damage = (answer: Answer, socket: Socket, chance: Chance) => void;

const STATUSES = [
  100, 101, 102, 199, 200, 201, 204, 206, 226, 301, 302, 304, 400, 401, 403, 404, 405, 409, 418, 429, 500, 501, 502,
  503, 504, 599, 600, 999,
];

const DAMAGES: Readonly<Record<string, Damage>> = {
  'a value of another kind': (answer, socket, chance) =>
    end(socket, { ...answer, body: damagedJson(answer.body, chance) }),
  'several values of another kind': (answer, socket, chance) => {
    let { body } = answer;
    for (let times = 0; times < 5; times += 1) body = damagedJson(body, chance);
    end(socket, { ...answer, body });
  },
  'another document': (answer, socket, { pick }) =>
    end(socket, { ...answer, body: Buffer.from(JSON.stringify(pick(ODD_VALUES)) ?? 'undefined') }),
  'cut off': (answer, socket, { random }) =>
    end(socket, { ...answer, body: answer.body.subarray(0, Math.floor(random() * answer.body.length)) }),
  'bytes changed': (answer, socket, { random }) => {
    const body = Buffer.from(answer.body);
    for (let times = 0; times < 8 && body.length > 0; times += 1)
      body[Math.floor(random() * body.length)] = Math.floor(random() * 256);
    end(socket, { ...answer, body });
  },
  'not UTF-8': (answer, socket, { random }) => {
    const at = Math.floor(random() * answer.body.length);
    const invalid = Buffer.from([0xff, 0xc0, 0xed, 0xa0, 0x80]);
    end(socket, { ...answer, body: Buffer.concat([answer.body.subarray(0, at), invalid, answer.body.subarray(at)]) });
  },
  nothing: (answer, socket) => end(socket, { ...answer, body: Buffer.alloc(0) }),
  HTML: (answer, socket) =>
    end(socket, { ...answer, type: 'text/html', body: Buffer.from('<!doctype html><title>502 Bad Gateway</title>') }),
  'another status': (answer, socket, { pick }) => end(socket, { ...answer, status: pick(STATUSES) }),
  'another status and document': (_answer, socket, { pick }) =>
    end(socket, {
      status: pick(STATUSES),
      type: pick(['application/json', 'text/plain', '']),
      body: Buffer.from(JSON.stringify(pick([...ODD_VALUES, { message: { text: 'no' } }, { message: '' }])) ?? ''),
    }),
  'a wrong length': (answer, socket, { pick }) => {
    const length = pick([
      String(answer.body.length + 1000),
      '1',
      '0',
      '-5',
      'many',
      '1e3',
      '99999999999999999999',
      '5, 7',
    ]);
    socket.end(Buffer.concat([Buffer.from(head(answer, `Content-Length: ${length}`)), answer.body]));
  },
  'a wrong length, and silence': (answer, socket) =>
    void socket.write(
      Buffer.concat([Buffer.from(head(answer, `Content-Length: ${answer.body.length + 1000}`)), answer.body]),
    ),
  'broken chunks': (answer, socket, { pick }) => {
    const chunks = pick([
      'zz\r\nabc\r\n',
      '5\r\nab',
      'ffffffff\r\nabc',
      '-1\r\n',
      '3\r\nabcdef\r\n0\r\n\r\n',
      '0\r\n\r\n',
      '',
    ]);
    socket.end(head(answer, 'Transfer-Encoding: chunked') + chunks);
  },
  'broken headers': (_answer, socket, { pick }) => {
    socket.end(
      pick([
        'HTTP/1.1\r\n\r\n',
        'HTTP/9.9 200 OK\r\n\r\n{}',
        'ICY 200 OK\r\n\r\n',
        'HTTP/1.1 abc\r\n\r\n',
        `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
        'HTTP/1.1 200 OK\r\nNo colon\r\n\r\n{}',
        '\u0000\u0001\u0002',
        '*1\r\n$4\r\nPING\r\n',
        'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip',
      ]),
    );
  },
  'closed at once': (_answer, socket) => void socket.destroy(),
  'closed in the middle': (answer, socket, { random }) => {
    const raw = rawAnswer(answer, {});
    socket.write(raw.subarray(0, Math.floor(random() * raw.length)), () => socket.destroy());
  },
  silence: () => undefined,
  'byte by byte': (answer, socket) => void drip(rawAnswer(answer, {}), socket),
  'without end': (answer, socket) => {
    socket.write(head(answer, 'Connection: close'));
    void flood(socket, answer.body.length === 0 ? Buffer.alloc(1000, 0x20) : answer.body);
  },
};

/** No server can send without end; this much is enough for who waits for it. */
const MOST_BYTES = 4 * 1024 ** 2;

async function flood(socket: Socket, piece: Buffer): Promise<void> {
  for (let sent = 0; sent < MOST_BYTES && !socket.destroyed; sent += piece.length) {
    if (!socket.write(piece)) await sleep(5);
  }
  socket.end();
}

async function drip(raw: Buffer, socket: Socket): Promise<void> {
  for (let at = 0; at < raw.length && at < 200 && !socket.destroyed; at += 1) {
    socket.write(raw.subarray(at, at + 1));
    await sleep(10);
  }
  socket.destroy();
}

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'text',
  '\u0000\uD800',
  'x'.repeat(100_000),
  [],
  {},
  [null],
  [[]],
  [1, 'two'],
  [{}],
  { '': null },
  { Volumes: null },
  { Volumes: [null] },
  { message: 'no such image' },
  undefined,
];

function damagedJson(body: Buffer, { random, pick }: Chance): Buffer {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return Buffer.concat([body, Buffer.from('}')]);
  }
  const places = placesOf(document);
  if (places.length === 0) return Buffer.from(JSON.stringify(pick(ODD_VALUES)) ?? '');
  const { parent, key } = pick(places);
  if (random() < 0.3) Reflect.deleteProperty(parent, key);
  else Reflect.set(parent, key, pick(ODD_VALUES));
  return Buffer.from(JSON.stringify(document));
}

function placesOf(value: unknown): { readonly parent: object; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [{ parent: value, key }, ...placesOf(below)]);
}

function end(socket: Socket, answer: Answer): void {
  socket.end(rawAnswer(answer, {}));
}

function rawAnswer(answer: Answer, { isBodyless = false }: { isBodyless?: boolean }): Buffer {
  const raw = Buffer.from(head(answer, `Content-Length: ${answer.body.length}`));
  return isBodyless ? raw : Buffer.concat([raw, answer.body]);
}

function head({ status, type }: Answer, more: string): string {
  return `HTTP/1.1 ${status} Answer\r\nContent-Type: ${type}\r\nConnection: close\r\n${more}\r\n\r\n`;
}

function keyOf({ method = 'GET', url = '/' }: IncomingMessage): string {
  return `${method} ${url}`;
}

/** Answers are written to the bare socket: what is tested is no HTTP that a server would send. */
async function listen(onRequest: (incoming: IncomingMessage, socket: Socket) => void): Promise<FalseEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'false-engine-'));
  const path = join(folder, 'engine.sock');
  const sockets = new Set<Socket>();
  const server: Server = createServer((incoming) => onRequest(incoming, incoming.socket));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    address: `unix://${path}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
