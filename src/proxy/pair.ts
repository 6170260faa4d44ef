import type { Socket } from 'node:net';
import { newConversation } from './conversation.ts';
import type { Outlook } from './addresses.ts';
import { addresseeOf } from './opening.ts';
import type { ReplyCounters } from './replies.ts';

/** So long a client of a node that can't be reached may take to say that it asks the proxy itself. */
const UNDECIDED_MS = 2000;

export interface PairOptions {
  readonly outlook: Outlook;
  readonly counters: ReplyCounters;
  /** What the proxy says of itself. */
  readonly answer: () => string;
  /** Ends the client's connection as that of a dead node ends. */
  readonly reset: () => void;
}

/**
 * Passes on what a client and its node say to each other, as fast as the slower of them takes it. Nothing here has a time:
 * a blocking command may last for hours.
 */
export function pair(client: Socket, upstream: Socket, { outlook, counters, answer, reset }: PairOptions): void {
  const conversation = newConversation(outlook, counters);
  /** The first bytes, as long as they may still be a question to the proxy. */
  let opening: Buffer | undefined = Buffer.alloc(0);
  let isLost = false;
  let isForProxy = false;

  const send = (chunk: Buffer): void => {
    conversation.hear(chunk);
    if (!upstream.write(chunk)) client.pause();
  };
  const open = (bytes: Buffer): void => {
    const addressee = addresseeOf(bytes);
    opening = addressee === 'not known yet' ? bytes : undefined;
    if (addressee === 'proxy') {
      isForProxy = true;
      upstream.destroy();
      client.write(answer());
      client.destroySoon();
    } else if (addressee === 'node') {
      upstream.resume();
      if (isLost) reset();
      else send(bytes);
    }
  };
  const lose = (): void => {
    if (isLost || isForProxy) return;
    isLost = true;
    if (opening === undefined) reset();
    else setTimeout(() => opening !== undefined && reset(), UNDECIDED_MS).unref();
  };
  const receive = (parts: readonly Buffer[]): void => {
    let isTaken = true;
    for (const part of parts) isTaken = client.write(part);
    if (!isTaken) upstream.pause();
  };

  client.on('data', (chunk: Buffer) => {
    if (isForProxy) return;
    if (opening === undefined) send(chunk);
    else open(opening.length === 0 ? chunk : Buffer.concat([opening, chunk]));
  });
  client.on('drain', () => upstream.resume());
  // The client has said all, and waits for its replies.
  client.on('end', () => {
    if (opening !== undefined && opening.length > 0 && !isLost) send(opening);
    upstream.resume().end();
  });
  client.on('close', () => upstream.destroy());
  client.on('error', () => upstream.destroy());

  // Until it is known whom the client asks, the node isn't heard: one that has no room for it says so at once.
  upstream.pause();
  upstream.on('data', (chunk: Buffer) => receive(conversation.answer(chunk)));
  upstream.on('drain', () => client.resume());
  // A Redis that ends a connection has ended both of its directions.
  upstream.on('end', () => {
    upstream.end();
    receive(conversation.end());
    client.destroySoon();
  });
  upstream.on('error', lose);
  if (upstream.destroyed) lose();
}
