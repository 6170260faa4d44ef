/** One client at one port: it writes so many keys, goes on to write until it is told to end, and reads all back. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { poll } from '../../../src/poll.ts';
import type { UnmappedClient } from './clients.ts';
import type { Port, Room } from './ways.ts';

export interface Visit {
  /** Until so many writes in a row are answered, or the client has ended. */
  goOn(count: number): Promise<void>;
  /** Reads all back. */
  end(): Promise<Report>;
}

export interface Report {
  readonly written: number;
  /** Of each request that failed, what it said. */
  readonly failures: readonly string[];
  /** Keys whose write was answered, and that don't hold it. */
  readonly lost: readonly string[];
  /** The last words of a client that ended, or that was ended since it didn't answer. */
  readonly ended: string | undefined;
}

/** Who it is, and where. */
export interface Visitor {
  readonly client: UnmappedClient;
  /** Of its own. */
  readonly folder: string;
  readonly room: Room;
  readonly password: string;
  /** The CA's file. */
  readonly ca: string;
}

const PAUSE_MS = 20;
/** Lettuce gives a command a minute. */
const HANG_MS = 120_000;

export function startVisit(visitor: Visitor, port: Port, keys = 1000): Visit {
  const client = startClient(visitor, port);
  const written = new Map<string, string>();
  const failures: string[] = [];
  const lost: string[] = [];
  let inARow = 0;
  const ending = new AbortController();
  const write = async (number: number): Promise<void> => {
    const [key, value] = [`${visitor.client.name.replaceAll(' ', '-')}:${port}:${number}`, String(number)];
    const answer = await client.ask(`SET ${key} ${value}`);
    if (answer === 'OK') written.set(key, value);
    else if (answer !== undefined) failures.push(answer);
    inARow = answer === 'OK' ? inARow + 1 : 0;
  };
  const run = async (): Promise<void> => {
    let number = 1;
    for (; number <= keys && client.ended() === undefined; number += 1) await write(number);
    for (; !ending.signal.aborted && client.ended() === undefined; number += 1) {
      await write(number);
      // The others need the machine, too.
      await setTimeout(PAUSE_MS);
    }
    for (const [key, value] of client.ended() === undefined ? written : []) {
      if ((await client.ask(`GET ${key}`)) !== value) lost.push(key);
    }
  };
  const running = run();
  return {
    goOn: async (count) => {
      inARow = 0;
      const { signal } = new AbortController();
      const look = (): Promise<boolean> => Promise.resolve(written.size >= keys && inARow >= count);
      await poll(look, (done) => done || client.ended() !== undefined, { signal, timeoutMs: HANG_MS });
    },
    end: async () => {
      ending.abort();
      await running;
      const ended = client.ended();
      client.close();
      return { written: written.size, failures, lost, ended };
    },
  };
}

/** Whether it turns away nodes that another authority than `ca` has signed. */
export async function refuses(visitor: Visitor): Promise<boolean> {
  const client = startClient(visitor, 'tls');
  const answer = await client.ask('SET stranger 1');
  client.close();
  return answer !== 'OK';
}

interface Running {
  /** undefined where it has ended */
  ask(line: string): Promise<string | undefined>;
  ended(): string | undefined;
  close(): void;
}

function startClient({ client, folder, room, password, ca }: Visitor, port: Port): Running {
  const nodes = room.entrances[port];
  const trust = port === 'tls' ? { REDIS_TLS_CA_FILE: ca } : {};
  const [command = '', ...args] = room.enter(client.command(folder, nodes, trust.REDIS_TLS_CA_FILE));
  const child = spawn(command, args, {
    env: {
      ...process.env,
      REDIS_CLUSTER_NODES: nodes.join(','),
      REDIS_PASSWORD: password,
      REDISCLI_AUTH: password,
      ...trust,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  let ended: string | undefined;
  let answered: ((answer: string | undefined) => void) | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  // That the client has ended, `close` says.
  child.stdin.on('error', () => undefined);
  child.on('close', (code, signal) => {
    ended ??= lastWords(stderr) ?? `ends with ${signal ?? code}`;
    answered?.(undefined);
  });
  createInterface(child.stdout).on('line', (line) => {
    // redis-cli tells where it goes.
    if (!line.startsWith('-> Redirected')) answered?.(line);
  });
  return {
    ask: (line) =>
      new Promise((resolve) => {
        if (ended !== undefined) {
          resolve(undefined);
          return;
        }
        const hang = globalThis.setTimeout(() => {
          ended = `doesn't answer for ${HANG_MS / 1000} s; ${lastWords(stderr) ?? ''}`;
          child.kill('SIGKILL');
        }, HANG_MS);
        answered = (answer) => {
          clearTimeout(hang);
          answered = undefined;
          resolve(answer);
        };
        child.stdin.write(`${line}\n`);
      }),
    ended: () => ended,
    close: () => child.stdin.end(),
  };
}

/** Of an error: the last line that names one. */
function lastWords(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /^(?:panic: |.*(?:error|exception)\b)/i.test(line)) ?? lines.at(-1);
}
