import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashTag, keySlot } from '../../../../src/cluster/keys/key-slot.ts';
import { shareSlot } from '../../../../src/cluster/keys/share-slot.ts';
import { parseQuoted, showBytes } from '../../../../src/cluster/keys/quoted.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
/** As the Redis Cluster specification writes it down, bit by bit: CRC-16/XMODEM. */
function crc16(data: Buffer): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : 0x1021)) & 0xffff;
  }
  return crc;
}

const anyKey = fc
  .array(fc.oneof(fc.constantFrom('{', '}'), fc.string({ maxLength: 3, unit: 'binary' })), { maxLength: 8 })
  .map((parts) => bytes(parts.join('')));
const anyBytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

describe('the slot of a key', () => {
  test.each([
    ['user:1000', 1649],
    ['user:2000', 7597],
    ['user:3000', 11_033],
    ['user:{1000}:name', 11_326],
    ['123456789', 0x31c3],
    ['', 0],
  ])('%j → %i', (key, slot) => {
    expect(keySlot(bytes(key))).toBe(slot);
  });

  test.each([
    ['{user1000}.following', 'user1000'],
    ['foo{}{bar}', undefined],
    ['foo{{bar}}zap', '{bar'],
    ['foo{bar}{zap}', 'bar'],
    ['foo}{bar', undefined],
    ['{', undefined],
    ['}{x}', 'x'],
  ])('the hash tag of %j is %j', (key, tag) => {
    expect(hashTag(bytes(key))?.toString()).toBe(tag);
  });

  test('is the CRC16 of its hash tag or of all of it, whatever bytes it has', () => {
    fc.assert(
      fc.property(fc.oneof(anyKey, anyBytes), (key) => {
        expect(keySlot(key)).toBe(crc16(Buffer.from(hashTag(key) ?? key)) % 16_384);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('keys that are to share a slot', () => {
  const shared = (...keys: readonly string[]): string[] | undefined => shareSlot(keys.map(bytes))?.map(String);

  test('get what they begin with in common as their hash tag', () => {
    expect(shared('user:1000:name', 'user:1000:email')).toEqual(['{user:1000}:name', '{user:1000}:email']);
    expect(shared('user:1000', 'user:2000')).toEqual(['{user}:1000', '{user}:2000']);
    expect(shared('order', 'order:items')).toEqual(['{order}', '{order}:items']);
    expect(shared('users', 'user:1')).toEqual(['{tag}:users', '{tag}:user:1']);
    expect(shared('a{x}', 'a{y}')).toEqual(['{a}{x}', '{a}{y}']);
  });

  test('stay as they are where they do already', () => {
    expect(shared('user:{1000}:name', 'user:{1000}:email')).toBeUndefined();
    expect(shared('alone')).toBeUndefined();
  });

  test('do so then, and no two become the same, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(anyKey, anyBytes), { minLength: 2, maxLength: 4, selector: String }),
        (keys) => {
          const [first, ...others] = shareSlot(keys) ?? keys;
          for (const key of others) expect(keySlot(key)).toBe(keySlot(first ?? key));
          expect(new Set([first, ...others].map((key) => key?.toString('hex'))).size).toBe(keys.length);
        },
      ),
    );
  });
});

describe('bytes in quotes', () => {
  test.each([
    ['plain', 'plain'],
    ['"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'],
    ['"\\n\\r\\t\\b\\a\\x41\\q"', '\n\r\t\b\u0007Aq'],
    ['""', ''],
  ])('%s', (text, read) => {
    expect(parseQuoted(text)?.toString()).toBe(read);
  });

  test.each(['"', '"open', '"a"b"', '"\\"'])('%s does not fit', (text) => {
    expect(parseQuoted(text)).toBeUndefined();
  });

  test('what is shown can be typed again, and holds nothing that a terminal would obey', () => {
    fc.assert(
      fc.property(fc.oneof(anyKey, anyBytes), (key) => {
        expect(parseQuoted(showBytes(key))?.equals(key)).toBe(true);
        expect(showBytes(key)).toMatch(/^[^\p{Cc}]*$/u);
      }),
      { numRuns: 1000 },
    );
  });
});
