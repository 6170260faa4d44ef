import { AGGREGATE, BULK, LINE, Scanner } from './scanner.ts';

/** A reply in one piece, and where in its bytes everything is. */
export interface Value {
  readonly start: number;
  readonly end: number;
  /** Its first byte. */
  readonly type: number;
  /** Of a value without others in it; of null the empty text. */
  readonly text: string;
  readonly items: readonly Value[];
}

/** No reply that is read here is deeper. */
const DEEPEST = 8;

/** The one value that `bytes` is; undefined where it is something else, or deeper than what is looked for. */
export function parseValue(bytes: Buffer): Value | undefined {
  const scanner = new Scanner();
  let at = 0;
  const next = (depth: number): Value | undefined => {
    const start = at;
    at = scanner.read(bytes, at);
    const { token, type, count } = scanner;
    if (token === LINE)
      return { start, end: at, type, text: bytes.toString('latin1', start + 1, at).trimEnd(), items: [] };
    if (token === BULK) {
      const text = count < 0 ? '' : bytes.toString('latin1', at - 2 - count, at - 2);
      return { start, end: at, type, text, items: [] };
    }
    if (token !== AGGREGATE || depth === DEEPEST || count > bytes.length) return undefined;
    const items: Value[] = [];
    while (items.length < count) {
      const item = next(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { start, end: at, type, text: '', items };
  };
  const value = next(0);
  return at === bytes.length ? value : undefined;
}

/** A map of RESP 3, or the list of keys and values that stands for it in RESP 2. */
export function pairsOf({ items }: Value): Map<string, Value> {
  const pairs = new Map<string, Value>();
  for (let index = 0; index + 1 < items.length; index += 2) {
    const [key, value] = items.slice(index, index + 2);
    if (key !== undefined && value !== undefined) pairs.set(key.text, value);
  }
  return pairs;
}
