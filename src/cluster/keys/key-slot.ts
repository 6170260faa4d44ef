import calculateSlot from 'cluster-key-slot';

/** The page runs this, too: bytes are a Uint8Array here, which a browser has. */
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * The part of a key by which its slot is chosen: what stands between the first `{` and the first `}` behind it, unless
 * that is nothing. (Redis Cluster specification, "Hash tags".) undefined where the whole key counts.
 */
export function hashTag(key: Uint8Array): Uint8Array | undefined {
  const open = key.indexOf(OPENING_BRACE);
  const close = open === -1 ? -1 : key.indexOf(CLOSING_BRACE, open + 1);
  return close <= open + 1 ? undefined : key.subarray(open + 1, close);
}

/** The slot of a key of any bytes, from 0 to 16383: CRC16 of its hash tag, or of all of it, modulo 16384. */
export function keySlot(key: Uint8Array): number {
  return calculateSlot(withoutTags(hashTag(key) ?? key));
}

/**
 * cluster-key-slot goes on looking for a hash tag behind an empty one (`{}{a}`), and Redis doesn't. Its CRC reads the low
 * byte of what it is given, and its comparison all of it: a ninth bit hides the braces.
 */
function withoutTags(bytes: Uint8Array): Buffer {
  const hidden = Uint16Array.from(bytes, (byte) => byte | 0x100);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any sequence of numbers will do
  return hidden as unknown as Buffer;
}
