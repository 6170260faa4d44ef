import calculateSlot from 'cluster-key-slot';

/**
 * The part of a key by which its slot is chosen: what stands between the first `{` and the first `}` behind it, unless
 * that is nothing. (Redis Cluster specification, "Hash tags".) undefined where the whole key counts.
 */
export function hashTag(key: Buffer): Buffer | undefined {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  return close <= open + 1 ? undefined : key.subarray(open + 1, close);
}

/** The slot of a key of any bytes, from 0 to 16383: CRC16 of its hash tag, or of all of it, modulo 16384. */
export function keySlot(key: Buffer): number {
  return calculateSlot(hashTag(key) ?? withoutTags(key));
}

/**
 * cluster-key-slot goes on looking for a hash tag behind an empty one (`{}{a}`), and Redis doesn't. Its CRC reads the low
 * byte of what it is given, and its comparison all of it: a ninth bit hides the braces.
 */
function withoutTags(key: Buffer): Buffer {
  const hidden = Uint16Array.from(key, (byte) => byte | 0x100);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any sequence of numbers will do
  return hidden as unknown as Buffer;
}

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
