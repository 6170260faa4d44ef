import { expect, test } from 'vitest';
import { parseByteSize } from '../../../src/spec/schema.ts';

test.each([
  ['0', 0],
  ['1048576', 1048576],
  ['10b', 10],
  ['1k', 1024],
  ['1kb', 1024],
  ['512mb', 536_870_912],
  ['512MB', 536_870_912],
  ['1g', 1_073_741_824],
  ['2Gb', 2_147_483_648],
])('%s is %i bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(['', 'mb', '1.5g', '-1', '1 mb', '1tb', '1bb', '0x10', '1mb\n2'])('%j is no size', (text) => {
  expect(parseByteSize(text)).toBeNaN();
});
