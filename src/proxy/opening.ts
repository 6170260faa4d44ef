import { connect, type Socket } from 'node:net';
import { setDeadline } from '../bounds.ts';
import type { TlsTrust } from '../redis/connect-node.ts';
import type { Address } from './nodes.ts';
import { connectVerified } from './tls.ts';

/** What asks the proxy itself, as the first thing on a connection. No Redis has a command of this name. */
const QUESTION = '*2\r\n$5\r\nPROXY\r\n$4\r\nINFO\r\n';
/** A person with `nc` may ask, too. */
const QUESTIONS = [QUESTION, 'PROXY INFO\r\n', 'PROXY INFO\n'];

/** Whom a connection is for, by its first bytes. */
export function addresseeOf(bytes: Buffer): 'proxy' | 'node' | 'not known yet' {
  const begun = bytes.toString('latin1', 0, QUESTION.length).toUpperCase();
  if (QUESTIONS.some((question) => begun.startsWith(question))) return 'proxy';
  return QUESTIONS.some((question) => question.startsWith(begun)) ? 'not known yet' : 'node';
}

/** A bulk string. */
export function answerText(info: object): string {
  const text = JSON.stringify(info);
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export interface ProxyAddress extends Address {
  /** Where the port is one of TLS. */
  readonly tls?: TlsTrust | undefined;
}

export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** No answer is longer: what goes on and on is no proxy. */
const LONGEST_ANSWER = 64 * 1024;

/**
 * Asks who listens at an address, without logging in and without a word to any node.
 *
 * @returns what the proxy there says of itself. A Redis, any other server, and one that says nothing in time, are
 *   `something else`
 * @throws whatever `signal` is aborted with
 */
export async function askProxy(
  { host, port, tls }: ProxyAddress,
  { timeoutMs, signal }: Patience,
): Promise<Readonly<Record<string, unknown>> | 'nothing listens' | 'something else'> {
  signal?.throwIfAborted();
  const socket = tls === undefined ? connect({ host, port }) : connectVerified({ host, port }, tls, {});
  const answered = await answerOn(socket, timeoutMs, signal);
  signal?.throwIfAborted();
  return answered;
}

function answerOn(socket: Socket, timeoutMs: number, signal?: AbortSignal): ReturnType<typeof askProxy> {
  return new Promise((resolve) => {
    let answer = '';
    let isThere = false;
    const end = (result: Awaited<ReturnType<typeof askProxy>>): void => {
      deadline.clear();
      signal?.removeEventListener('abort', giveUp);
      socket.destroy();
      resolve(result);
    };
    const giveUp = (): void => end(isThere ? 'something else' : 'nothing listens');
    const deadline = setDeadline(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    // Of a TLS connection, too, that is when TCP's is made.
    socket.once('connect', () => (isThere = true));
    socket.once('close', giveUp);
    socket.on('error', giveUp);
    socket.write(QUESTION);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
      const [, length, json] = /^\$(\d+)\r\n([^]*)\r\n$/.exec(answer) ?? [];
      if (json !== undefined && Buffer.byteLength(json) === Number(length)) end(parsed(json) ?? 'something else');
      else if (!answer.startsWith('$') || answer.length > LONGEST_ANSWER) end('something else');
    });
  });
}

function parsed(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
