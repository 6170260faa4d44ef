import type { Addressed } from './command.ts';
import { isAddressed, type Expected, type ExpectedReplies } from './expected.ts';
import { AGGREGATE, BULK, LINE, TYPE, type Scanner } from './scanner.ts';

const CONFIRMATION = /^[ps]?(?:un)?subscribe$/;
const MESSAGE = /^[ps]?message$/;
/** What MONITOR shows of each command of the node. */
const MONITORED = /^\d+\.\d+ \[/;

/** Commands between MULTI and EXEC: how many, and at which place those whose replies name nodes. */
interface Queued {
  count: number;
  readonly addressed: Map<number, Addressed>;
}

/** Which command each thing that the node sends belongs to, if any: replies come in order, and pushes between them. */
export class Talk {
  /** Whether the value that is held was what it was taken for. */
  isFound = false;
  private readonly expected: ExpectedReplies;
  private protocol: 2 | 3 = 2;
  private isMonitoring = false;
  private channels = 0;
  private shardChannels = 0;
  private queued: Queued | undefined;

  /** Of what is being sent: its type, 0 before that is known; its text, where it may matter. */
  private type = 0;
  private text = '';
  /** Of what may be a push: its first word, and its last number. */
  private canBePush = false;
  private word: string | undefined;
  private number = 0;
  private element = 0;

  constructor(expected: ExpectedReplies) {
    this.expected = expected;
  }

  /** Something new is to begin with `byte`. @returns whether the rest of the connection is no RESP: a replica's stream */
  begin(byte: number): boolean {
    this.type = 0;
    this.text = '';
    this.word = undefined;
    this.number = 0;
    this.canBePush = this.isFound = false;
    return byte !== TYPE.error && this.expected.next()?.kind === 'sync' && this.queued === undefined;
  }

  soughtBy(byte: number): Addressed | 'asked for' | undefined {
    if (byte === TYPE.status || byte === TYPE.push || byte === TYPE.integer) return undefined;
    const { loose } = this.expected;
    if (loose !== undefined) return loose.size > 0 ? 'asked for' : undefined;
    const kind = this.expected.next()?.kind;
    return kind !== undefined && isAddressed(kind) ? kind : undefined;
  }

  /** The same for the next element of EXEC's reply. */
  soughtInside(): Addressed | undefined {
    this.element += 1;
    return this.queued?.addressed.get(this.element - 1);
  }

  /** @param pending how many values are still to come, with this one @returns whether it is EXEC's reply, and begins here */
  see(scanner: Scanner, pending: number): boolean {
    const { token, type } = scanner;
    if (this.type === 0 && pending === 1) {
      const next = this.expected.next();
      this.type = type;
      this.element = 0;
      if (type === TYPE.status) this.text = scanner.text();
      const isAtSubscription = this.isSubscribed() || next?.kind === 'subscription';
      this.canBePush = type === TYPE.push || (type === TYPE.list && this.protocol === 2 && isAtSubscription);
      return next?.kind === 'exec' && this.queued !== undefined && token === AGGREGATE;
    }
    if (!this.canBePush) return false;
    this.word ??= token === BULK || token === LINE ? scanner.text() : '';
    if (type === TYPE.integer && pending === 1) this.number = Number(scanner.text());
    return false;
  }

  /** It is complete. */
  end(): void {
    const { expected, type } = this;
    const word = this.word ?? '';
    if (type === TYPE.push || (this.canBePush && (CONFIRMATION.test(word) || MESSAGE.test(word)))) {
      if (CONFIRMATION.test(word)) this.confirm(word);
      return;
    }
    if (this.isMonitoring && MONITORED.test(this.text)) return;
    const next = expected.next();
    if (expected.loose !== undefined) {
      if (this.text !== 'RESET' || next?.kind !== 'reset') return;
      expected.find();
    } else if (next === undefined) {
      expected.lose();
      return;
    }
    const { kind } = next;
    expected.take();
    if (this.queued !== undefined && this.text === 'QUEUED') this.queue(next, this.queued);
    else if (type !== TYPE.error && type !== TYPE.bulkError) this.carriedOut(next);
    else if (kind === 'exec' || kind === 'discard') this.queued = undefined;
  }

  private isSubscribed(): boolean {
    return this.channels > 0 || this.shardChannels > 0;
  }

  private confirm(word: string): void {
    if (/^s(?:un)?subscribe$/.test(word)) this.shardChannels = this.number;
    else this.channels = this.number;
    const next = this.expected.next();
    if (next?.kind === 'subscription' && next.word.toLowerCase() === word) this.expected.take();
  }

  private queue({ kind }: Expected, queued: Queued): void {
    if (isAddressed(kind)) queued.addressed.set(queued.count, kind);
    // These would change how replies come in the middle of EXEC's.
    else if (kind !== 'plain') this.expected.lose();
    queued.count += 1;
  }

  private carriedOut({ kind }: Expected): void {
    switch (kind) {
      case 'multi':
        this.queued = { count: 0, addressed: new Map() };
        return;
      case 'reset':
        this.isMonitoring = false;
        this.channels = this.shardChannels = 0;
        this.protocol = 2;
        this.queued = undefined;
        return;
      case 'exec':
      case 'discard':
        this.queued = undefined;
        return;
      case 'hello':
        this.protocol = this.type === TYPE.map ? 3 : 2;
        return;
      case 'monitor':
        this.isMonitoring = true;
        return;
      case 'slots':
      case 'shards':
      case 'nodes':
      case 'replicas':
        if (!this.isFound) this.expected.lose();
        return;
      case 'plain':
      case 'subscription':
      case 'sync':
      case 'replies on':
      case 'replies off':
      case 'reply skip':
    }
  }
}
