import { REWRITES, rewriteRedirection, type Outlook } from './addresses.ts';
import type { Addressed } from './command.ts';
import { ExpectedReplies } from './expected.ts';
import { Held } from './held.ts';
import { AGGREGATE, BAD, NOTHING, Scanner, TYPE } from './scanner.ts';
import { Talk } from './talk.ts';

/** CLUSTER SLOTS of a thousand nodes is a few megabytes. What is larger is passed on as it is. */
const LARGEST_REPLY = 16 * 1024 * 1024;
/** `-MOVED`, a slot, a host name of 255 letters, a port. */
const LONGEST_REDIRECTION = 512;

export interface ReplyCounters {
  rewritten: number;
  /** Replies that were too large to be rewritten. */
  tooLarge: number;
}

/** What is held back, to be rewritten when it is complete. */
type Sought = Addressed | 'redirection' | 'asked for';

/**
 * Rewrites the addresses in what a node sends to one client. All that isn't such a reply comes out byte for byte, in the
 * buffers in which it came.
 */
export class ReplyRewriter {
  readonly expected: ExpectedReplies;
  private readonly outlook: Outlook;
  private readonly counters: ReplyCounters;
  private readonly scanner = new Scanner();
  private readonly talk: Talk;
  private isRaw = false;

  /** Values that are still to come until the reply is complete. */
  private pending = 0;
  /** Of EXEC's reply, the elements that have not begun. */
  private elements = 0;
  private isExec = false;

  private sought: Sought | undefined;
  /** What `pending` is when the held value is complete. */
  private soughtUntil = 0;
  private readonly held = new Held();

  private out: Buffer[] = [];
  private passedUntil = 0;

  constructor(outlook: Outlook, counters: ReplyCounters) {
    this.outlook = outlook;
    this.counters = counters;
    this.expected = new ExpectedReplies();
    this.talk = new Talk(this.expected);
  }

  /** @returns what can be passed on now: of a chunk that stays as it is, the chunk itself. */
  write(chunk: Buffer): readonly Buffer[] {
    if (this.isRaw) return [chunk];
    const { scanner } = this;
    this.out = [];
    this.passedUntil = 0;
    let at = 0;
    let soughtFrom = 0;
    while (at < chunk.length && !this.isRaw) {
      if (this.begins(chunk[at] ?? 0)) soughtFrom = at;
      if (this.isRaw) break;
      at = scanner.read(chunk, at);
      if (scanner.token === NOTHING) break;
      this.take(scanner);
      if (this.sought !== undefined && this.pending === this.soughtUntil) {
        this.rewrite(this.sought, chunk, soughtFrom, at);
        soughtFrom = 0;
      }
      if (this.pending === 0 && !this.isRaw) this.talk.end();
    }
    if (this.sought === undefined) return this.pass(chunk);
    return this.hold(chunk, soughtFrom);
  }

  /** The node sends nothing more. @returns what was held back */
  end(): readonly Buffer[] {
    return this.held.length === 0 ? [] : [this.held.take()];
  }

  /** A value is to begin with `byte`, or an earlier one goes on. @returns whether this one is to be held */
  private begins(byte: number): boolean {
    if (this.pending === 0) {
      this.isRaw = this.talk.begin(byte);
      this.pending = 1;
      this.isExec = false;
      this.sought = byte === TYPE.error ? 'redirection' : this.talk.soughtBy(byte);
      this.soughtUntil = 0;
    } else if (this.isExec && this.pending === this.elements) {
      this.elements -= 1;
      const kind = this.talk.soughtInside();
      this.sought = byte === TYPE.error ? 'redirection' : kind;
      this.soughtUntil = this.elements;
    } else return false;
    return this.sought !== undefined;
  }

  private take(scanner: Scanner): void {
    if (scanner.token === BAD) {
      this.isRaw = true;
      return;
    }
    const isAggregate = scanner.token === AGGREGATE;
    // They come before the value that they are about, and are none themselves.
    if (isAggregate && scanner.type === TYPE.attributes) {
      this.pending += scanner.count;
      return;
    }
    if (this.talk.see(scanner, this.pending)) {
      this.isExec = true;
      this.elements = scanner.count;
    }
    this.pending += isAggregate ? scanner.count - 1 : -1;
  }

  /** What was sought is complete, and ends at `until` of the chunk. */
  private rewrite(sought: Sought, chunk: Buffer, from: number, until: number): void {
    const here = chunk.subarray(from, until);
    const isWhole = this.held.length === 0;
    if (!isWhole) this.held.add(here);
    const bytes = isWhole ? here : this.held.take();
    const rewritten = this.rewritten(sought, bytes);
    this.sought = undefined;
    if (rewritten !== undefined && rewritten !== bytes) this.counters.rewritten += 1;
    if (isWhole && (rewritten === undefined || rewritten === bytes)) return;
    if (from > this.passedUntil) this.out.push(chunk.subarray(this.passedUntil, from));
    this.out.push(rewritten ?? bytes);
    this.passedUntil = until;
  }

  private rewritten(sought: Sought, bytes: Buffer): Buffer | undefined {
    if (sought === 'redirection') return rewriteRedirection(bytes, this.outlook);
    const { loose } = this.expected;
    const kinds = sought === 'asked for' ? [...(loose?.keys() ?? [])] : [sought];
    for (const kind of kinds) {
      const rewritten = REWRITES[kind](bytes, this.outlook);
      if (rewritten === undefined) continue;
      this.talk.isFound = true;
      if (sought === 'asked for') this.expected.found(kind);
      return rewritten;
    }
    return undefined;
  }

  private pass(chunk: Buffer): readonly Buffer[] {
    const { out, passedUntil } = this;
    if (passedUntil === 0 && out.length === 0) return [chunk];
    if (passedUntil < chunk.length) out.push(chunk.subarray(passedUntil));
    return out;
  }

  private hold(chunk: Buffer, from: number): readonly Buffer[] {
    const { out } = this;
    if (from > this.passedUntil) out.push(chunk.subarray(this.passedUntil, from));
    this.held.add(chunk.subarray(Math.max(from, this.passedUntil)));
    const most = this.sought === 'redirection' ? LONGEST_REDIRECTION : LARGEST_REPLY;
    if (this.held.length <= most && !this.isRaw) return out;
    if (this.sought !== 'redirection' && !this.isRaw) this.counters.tooLarge += 1;
    this.sought = undefined;
    // It is taken for what was asked for: the replies can be counted all the same.
    this.talk.isFound = true;
    out.push(this.held.take());
    return out;
  }
}
