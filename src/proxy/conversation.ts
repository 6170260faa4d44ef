import type { Outlook } from './addresses.ts';
import { ReplyRewriter, type ReplyCounters } from './replies.ts';
import { RequestReader } from './requests.ts';

/** What one client and one node say to each other. Pure: bytes in, bytes out. */
export interface Conversation {
  /** What the client sends is only read: all of it goes to the node as it is. */
  readonly hear: (request: Buffer) => void;
  /** @returns what the client gets now. */
  readonly answer: (reply: Buffer) => readonly Buffer[];
  /** The node has said all. @returns what was held back of it */
  readonly end: () => readonly Buffer[];
}

export function newConversation(outlook: Outlook, counters: ReplyCounters): Conversation {
  const replies = new ReplyRewriter(outlook, counters);
  const requests = new RequestReader((...command) => replies.expected.add(...command));
  return {
    hear: (request) => requests.read(request),
    answer: (reply) => replies.write(reply),
    end: () => replies.end(),
  };
}
