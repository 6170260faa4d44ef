import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contains, freePart, isAddress, overlaps, parseBlock, type Block } from '../../../src/spec/addresses.ts';

function block(text: string): Block {
  const parsed = parseBlock(text);
  if (parsed === undefined) throw new Error(`${text} is no block`);
  return parsed;
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Any block from /8 to /28, on its own boundary. */
const anyBlock = fc
  .tuple(fc.integer({ min: 8, max: 28 }), fc.nat({ max: 2 ** 32 - 1 }))
  .map(([prefix, seed]) => ({ size: 2 ** (32 - prefix), prefix, seed }))
  .map(({ size, prefix, seed }) => ({ start: seed - (seed % size), size, prefix }))
  .map(({ start, size, prefix }) => ({ start, size, block: block(`${dotted(start)}/${prefix}`) }));

describe('parseBlock', () => {
  test('takes a block apart', () => {
    expect(parseBlock('172.20.0.0/16')).toEqual({
      text: '172.20.0.0/16',
      prefix: 16,
      network: '172.20.0.0',
      broadcast: '172.20.255.255',
      firstHost: '172.20.0.1',
    });
  });

  test('finds the network behind an address with host bits', () => {
    expect(block('10.1.2.3/20')).toMatchObject({
      network: '10.1.0.0',
      broadcast: '10.1.15.255',
      firstHost: '10.1.0.1',
    });
  });

  test.each(['', '172.20.0.0', '172.20.0.0/33', '172.20.0/16', '172.20.0.256/16', 'fd00::/64', '0xac.20.0.0/16'])(
    'refuses %j',
    (text) => {
      expect(parseBlock(text)).toBeUndefined();
    },
  );
});

test.each([
  ['172.20.0.13', true],
  ['0.0.0.0', true],
  ['172.20.0.013', false],
  ['172.20.13', false],
  ['172.20.0.256', false],
  ['::1', false],
  [' 172.20.0.13', false],
])('isAddress(%j) is %j', (text, expected) => {
  expect(isAddress(text)).toBe(expected);
});

describe('freePart', () => {
  test('is the upper half when all fixed addresses are in the lower', () => {
    expect(freePart(block('172.20.0.0/16'), ['172.20.0.1', '172.20.0.13'])?.text).toBe('172.20.128.0/17');
  });

  test('is the lower half when all fixed addresses are in the upper', () => {
    expect(freePart(block('172.20.0.0/16'), ['172.20.200.1'])?.text).toBe('172.20.0.0/17');
  });

  test('is smaller when both halves are used', () => {
    expect(freePart(block('172.20.0.0/16'), ['172.20.0.1', '172.20.200.1'])?.text).toBe('172.20.128.0/18');
  });

  test('there is none in a block that is used everywhere', () => {
    const fixed = ['172.20.0.1', '172.20.0.5', '172.20.0.9', '172.20.0.13'];
    expect(freePart(block('172.20.0.0/28'), fixed)).toBeUndefined();
  });

  test('lies inside the block and holds no fixed address', () => {
    const world = anyBlock.chain((one) =>
      fc.tuple(fc.constant(one), fc.array(fc.nat({ max: one.size - 1 }), { maxLength: 40 })),
    );
    fc.assert(
      fc.property(world, ([{ start, block: whole }, offsets]) => {
        const fixed = offsets.map((offset) => dotted(start + offset));
        const part = freePart(whole, fixed);
        if (part === undefined) return;
        expect(contains(whole, part.network) && contains(whole, part.broadcast)).toBe(true);
        expect(part.prefix).toBeGreaterThan(whole.prefix);
        expect(part.text).toBe(`${part.network}/${part.prefix}`);
        expect(fixed.filter((address) => contains(part, address))).toEqual([]);
      }),
    );
  });

  test('there is one wherever a block is larger than what its fixed addresses can spoil', () => {
    const world = anyBlock
      .filter(({ size }) => size >= 256)
      .chain((one) => fc.tuple(fc.constant(one), fc.array(fc.nat({ max: one.size - 1 }), { maxLength: 63 })));
    fc.assert(
      fc.property(world, ([{ start, block: whole }, offsets]) => {
        const fixed = offsets.map((offset) => dotted(start + offset));
        expect(freePart(whole, fixed)).toBeDefined();
      }),
    );
  });
});

describe('overlaps', () => {
  test.each([
    ['172.20.0.0/16', '172.20.128.0/17', true],
    ['172.20.0.0/16', '172.20.0.0/16', true],
    ['172.20.0.0/16', '172.21.0.0/16', false],
    ['172.16.0.0/12', '172.31.255.0/24', true],
    ['172.16.0.0/12', '172.32.0.0/24', false],
  ])('%s and %s: %j', (one, other, expected) => {
    expect(overlaps(block(one), block(other))).toBe(expected);
  });

  test('is symmetric, and agrees with the arithmetic', () => {
    fc.assert(
      fc.property(anyBlock, anyBlock, (one, other) => {
        const expected = one.start < other.start + other.size && other.start < one.start + one.size;
        expect(overlaps(one.block, other.block)).toBe(expected);
        expect(overlaps(other.block, one.block)).toBe(expected);
      }),
    );
  });

  test('a block overlaps each of its parts', () => {
    fc.assert(
      fc.property(anyBlock, fc.nat({ max: 255 }), ({ start, size, block: whole }, share) => {
        const part = block(`${dotted(start + Math.floor((size * share) / 256 / 4) * 4)}/30`);
        expect(overlaps(whole, part) && overlaps(part, whole)).toBe(true);
      }),
    );
  });
});
