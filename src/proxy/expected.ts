import type { Addressed, Kind } from './command.ts';

/** Replies that are still to come. */
export interface Expected {
  readonly kind: Kind;
  /** The command's name. */
  readonly word: string;
  /** How many: commands that don't matter are counted together, and a subscription is confirmed once a channel. */
  left: number;
}

export function isAddressed(kind: Kind): kind is Addressed {
  return kind === 'slots' || kind === 'shards' || kind === 'nodes' || kind === 'replicas';
}

/** Entries that are done with are kept until they are many: cutting them off costs as much as what is left. */
const MOST_DONE = 1024;

/** What a connection's replies belong to: Redis answers in the order of the commands. */
export class ExpectedReplies {
  /** What was asked for when the replies could no longer be counted; undefined as long as they can. */
  loose: Map<Addressed, number> | undefined;
  private queue: Expected[] = [];
  private head = 0;
  /** CLIENT REPLY. */
  private silence: 'none' | 'all' | 'next' = 'none';
  private isInTransaction = false;

  next(): Expected | undefined {
    return this.queue[this.head];
  }

  take(): void {
    const next = this.next();
    if (next === undefined) return;
    next.left -= 1;
    if (next.left > 0) return;
    this.head += 1;
    if (this.head === this.queue.length) this.queue.length = this.head = 0;
    else if (this.head > MOST_DONE && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  /** A command is on its way to the node. @param length how many words it has */
  add(kind: Kind, word: string, length: number): void {
    // RESET ends what CLIENT REPLY began, and is answered in any case.
    if (kind === 'reset') [this.silence, this.isInTransaction] = ['none', false];
    if (kind === 'multi') this.isInTransaction = true;
    if (kind === 'exec' || kind === 'discard') this.isInTransaction = false;
    if (kind === 'replies on' || kind === 'replies off' || kind === 'reply skip') this.turn(kind);
    const { silence } = this;
    if (silence === 'next' && kind !== 'reply skip') this.silence = 'none';
    if (silence === 'none') this.push(kind, word, kind === 'subscription' ? Math.max(1, length - 1) : 1);
  }

  /** Nobody knows any more which command a reply belongs to. */
  lose(): void {
    const asked = this.loose ?? new Map<Addressed, number>();
    for (const { kind } of this.queue.slice(this.head)) count(asked, kind);
    this.loose = asked;
    this.queue = [];
    this.head = 0;
  }

  /** One of those that were asked for when the replies could no longer be counted. */
  found(kind: Addressed): void {
    const left = (this.loose?.get(kind) ?? 0) - 1;
    if (left > 0) this.loose?.set(kind, left);
    else this.loose?.delete(kind);
  }

  /** RESET was answered: what comes now belongs to what was sent after it. */
  find(): void {
    this.loose = undefined;
  }

  private turn(kind: 'replies on' | 'replies off' | 'reply skip'): void {
    // It is carried out in the middle of EXEC's reply.
    if (this.isInTransaction) this.lose();
    else if (kind === 'replies on') this.silence = 'none';
    else if (kind === 'replies off') this.silence = 'all';
    else if (this.silence === 'none') this.silence = 'next';
  }

  private push(kind: Kind, word: string, left: number): void {
    if (this.loose !== undefined && this.next() === undefined && kind !== 'reset') {
      count(this.loose, kind);
      return;
    }
    const last = this.head < this.queue.length ? this.queue.at(-1) : undefined;
    if (kind === 'plain' && last?.kind === 'plain') last.left += 1;
    else this.queue.push({ kind, word, left });
  }
}

function count(asked: Map<Addressed, number>, kind: Kind): void {
  if (isAddressed(kind)) asked.set(kind, (asked.get(kind) ?? 0) + 1);
}
