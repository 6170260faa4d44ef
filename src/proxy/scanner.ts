/** What a token is. */
export const NOTHING = 0;
/** A line that is a value: `+OK`, `:1`, `_`. */
export const LINE = 1;
/** A string with its length before it, read to its end. */
export const BULK = 2;
/** The head of a list of values, which follow. `count` is how many: of a map and of attributes, twice their pairs. */
export const AGGREGATE = 3;
/** No RESP: from here on nobody knows where anything ends. */
export const BAD = 4;

/** The first byte of each kind of value: RESP 2 and 3. */
export const TYPE = {
  status: 0x2b, // +
  error: 0x2d, // -
  integer: 0x3a, // :
  double: 0x2c, // ,
  boolean: 0x23, // #
  bigNumber: 0x28, // (
  null: 0x5f, // _
  bulkString: 0x24, // $
  verbatimString: 0x3d, // =
  bulkError: 0x21, // !
  list: 0x2a, // *
  map: 0x25, // %
  set: 0x7e, // ~
  push: 0x3e, // >
  attributes: 0x7c, // |
} as const;

const AT_TYPE = 0;
const IN_HEAD = 1;
const IN_LINE = 2;
const IN_BULK = 3;

const LF = 10;
const CR = 13;
/** Of a line or bulk string that is longer, `text()` is the first so many bytes. */
const MOST_KEPT = 64;
/** A head's number: 2^53 has 16 digits. */
const MOST_DIGITS = 15;

/**
 * Reads RESP 2 and 3 in pieces of any size, token by token, and holds nothing of it but the first bytes of a token that came
 * in two pieces. Where a value with others in it ends is for the caller to count.
 */
export class Scanner {
  /** What was complete when `read` returned. */
  token = NOTHING;
  /** The first byte of the value. */
  type = 0;
  /** Of an aggregate how many values follow, of a bulk string its length: -1 is null. */
  count = 0;

  private state = AT_TYPE;
  private digits = 0;
  private isNegative = false;
  private left = 0;
  private readonly kept = Buffer.allocUnsafe(MOST_KEPT);
  private keptLength = 0;
  private chunk: Buffer = this.kept;
  private start = 0;
  private end = 0;

  /** The next token is a line, whatever its first byte is: an inline command. */
  expectLine(): void {
    this.type = 0;
    this.keptLength = 0;
    this.state = IN_LINE;
  }

  /** Reads on from `at`, to the end of a token or of the chunk. @returns up to where */
  read(chunk: Buffer, at: number): number {
    this.token = NOTHING;
    let position = at;
    if (this.state === AT_TYPE) {
      if (position === chunk.length) return position;
      this.begin(chunk[position] ?? 0);
      if (this.state === AT_TYPE) {
        this.token = BAD;
        return position;
      }
      position += 1;
    }
    if (this.state === IN_HEAD) position = this.readHead(chunk, position);
    if (this.state === IN_LINE) return this.readLine(chunk, position);
    return this.state === IN_BULK ? this.readBulk(chunk, position) : position;
  }

  /** The line, or bulk string, that was just read. */
  text(): string {
    return this.chunk.toString('latin1', this.start, this.end);
  }

  private begin(type: number): void {
    this.type = type;
    this.keptLength = 0;
    switch (type) {
      case TYPE.status:
      case TYPE.error:
      case TYPE.integer:
      case TYPE.double:
      case TYPE.boolean:
      case TYPE.bigNumber:
      case TYPE.null:
        this.state = IN_LINE;
        return;
      case TYPE.bulkString:
      case TYPE.verbatimString:
      case TYPE.bulkError:
      case TYPE.list:
      case TYPE.map:
      case TYPE.set:
      case TYPE.push:
      case TYPE.attributes:
        this.state = IN_HEAD;
        this.count = 0;
        this.digits = 0;
        this.isNegative = false;
    }
  }

  private readHead(chunk: Buffer, from: number): number {
    let position = from;
    while (position < chunk.length) {
      const byte = chunk[position] ?? 0;
      position += 1;
      if (byte >= 0x30 && byte <= 0x39) {
        this.count = this.count * 10 + byte - 0x30;
        this.digits += 1;
      } else if (byte === LF) {
        this.endHead();
        return position;
      } else if (byte === 0x2d && this.digits === 0) this.isNegative = true;
      else if (byte !== CR) this.digits = MOST_DIGITS + 1;
      if (this.digits > MOST_DIGITS) {
        this.token = BAD;
        this.state = AT_TYPE;
        return position;
      }
    }
    return position;
  }

  private endHead(): void {
    this.state = AT_TYPE;
    if (this.digits === 0) {
      this.token = BAD;
      return;
    }
    const isNull = this.isNegative;
    if (isNull) this.count = -1;
    const isBulk = this.type === TYPE.bulkString || this.type === TYPE.verbatimString || this.type === TYPE.bulkError;
    if (isBulk && !isNull) {
      this.left = this.count + 2;
      this.state = IN_BULK;
      return;
    }
    this.token = isBulk ? BULK : AGGREGATE;
    if (isBulk) this.end = this.start = 0;
    else if (isNull) this.count = 0;
    else if (this.type === TYPE.map || this.type === TYPE.attributes) this.count *= 2;
  }

  private readLine(chunk: Buffer, from: number): number {
    const found = chunk.indexOf(LF, from);
    if (found === -1) {
      this.keep(chunk, from, chunk.length);
      return chunk.length;
    }
    this.complete(LINE, chunk, from, found);
    if (this.end > this.start && this.chunk[this.end - 1] === CR) this.end -= 1;
    return found + 1;
  }

  private readBulk(chunk: Buffer, from: number): number {
    const until = from + this.left;
    if (until > chunk.length) {
      this.keep(chunk, from, Math.min(chunk.length, until - 2));
      this.left = until - chunk.length;
      return chunk.length;
    }
    this.complete(BULK, chunk, from, Math.max(from, until - 2));
    return until;
  }

  private complete(token: number, chunk: Buffer, start: number, end: number): void {
    this.token = token;
    this.state = AT_TYPE;
    if (this.keptLength === 0) {
      this.chunk = chunk;
      this.start = start;
      this.end = Math.min(end, start + MOST_KEPT);
      return;
    }
    this.keep(chunk, start, end);
    this.chunk = this.kept;
    this.start = 0;
    this.end = this.keptLength;
  }

  private keep(chunk: Buffer, start: number, end: number): void {
    if (end <= start || this.keptLength === MOST_KEPT) return;
    this.keptLength += chunk.copy(this.kept, this.keptLength, start, Math.min(end, start + MOST_KEPT));
  }
}
