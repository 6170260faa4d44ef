import { expect, test } from 'vitest';
import { ownerColour } from '../../../../src/api/page/colours.ts';

const COUNT = 27;

function parse(colour: string): { lightness: number; hue: number } {
  const [lightness = 0, , hue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return { lightness, hue };
}

test.each(['light', 'dark'] as const)('%s: owners differ clearly in hue or in lightness', (scheme) => {
  const colours = Array.from({ length: COUNT }, (_, index) => parse(ownerColour(index, scheme)));
  for (const [index, one] of colours.entries()) {
    for (const other of colours.slice(index + 1)) {
      const turn = Math.abs(one.hue - other.hue) % 360;
      const differs = Math.min(turn, 360 - turn) >= 18 || Math.abs(one.lightness - other.lightness) >= 0.08;
      expect(differs, `${JSON.stringify(one)} and ${JSON.stringify(other)}`).toBe(true);
    }
  }
});

test('dark letters are readable on every owner', () => {
  for (const scheme of ['light', 'dark'] as const) {
    for (let index = 0; index < COUNT; index += 1) {
      // 4.5:1 with letters of 0.2 begins at about 0.6.
      expect(parse(ownerColour(index, scheme)).lightness).toBeGreaterThan(0.61);
    }
  }
});
