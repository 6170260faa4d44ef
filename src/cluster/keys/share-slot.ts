import { keySlot } from './key-slot.ts';

/**
 * The keys as they could be written to share a slot, with the part that they begin with in common as their hash tag; that
 * part ends where a word does. undefined where they share a slot already.
 */
export function shareSlot(keys: readonly Buffer[]): readonly Buffer[] | undefined {
  const [first, ...others] = keys;
  if (first === undefined || others.every((key) => keySlot(key) === keySlot(first))) return undefined;
  const common = commonWords(first, others);
  const tag = Buffer.concat([Buffer.from('{'), common.length === 0 ? Buffer.from('tag') : common, Buffer.from('}')]);
  const rest = (key: Buffer): Buffer =>
    common.length === 0 ? Buffer.concat([Buffer.from(':'), key]) : key.subarray(common.length);
  // The first brace counts: a tag that a key has already, further behind, is of no effect then.
  return keys.map((key) => Buffer.concat([tag, rest(key)]));
}

/** Without braces, which would end the tag too soon. */
function commonWords(first: Buffer, others: readonly Buffer[]): Buffer {
  let length = 0;
  while (length < first.length && others.every((key) => key[length] === first[length])) length += 1;
  const isWordEnd = (at: number): boolean =>
    [first, ...others].every((key) => at >= key.length || !isLetter(key[at] ?? 0));
  while (length > 0 && !isWordEnd(length)) length -= 1;
  const common = first.subarray(0, length);
  const brace = common.findIndex((byte) => byte === 0x7b || byte === 0x7d);
  return brace === -1 ? common : Buffer.alloc(0);
}

function isLetter(byte: number): boolean {
  return byte >= 0x80 || /[0-9A-Za-z]/.test(String.fromCharCode(byte));
}
