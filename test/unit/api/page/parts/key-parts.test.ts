import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { keyParts } from '../../../../../src/api/page/parts/key-parts.ts';
import { keySlot } from '../../../../../src/cluster/keys/key-slot.ts';

test('the whole key counts where there is no hash tag', () => {
  expect(keyParts('user:1000')).toEqual({ slot: 1649, before: 'user:1000', tag: undefined, after: '' });
  expect(keyParts('a{}b')).toMatchObject({ before: 'a{}b', tag: undefined });
});

test('a hash tag is found inside the key, beside letters of more than one byte', () => {
  expect(keyParts('é{user:1000}.ü')).toEqual({ slot: 1649, before: 'é{', tag: 'user:1000', after: '}.ü' });
  expect(keyParts('{{a}}')).toMatchObject({ before: '{', tag: '{a', after: '}}' });
});

test('the parts are the key again, whatever it is', () => {
  const key = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'é', '𝄞', '\uFEFF') });
  fc.assert(
    fc.property(key, (text) => {
      const { slot, before, tag, after } = keyParts(text);
      expect(`${before}${tag ?? ''}${after}`).toBe(text);
      expect(slot).toBe(keySlot(Buffer.from(text)));
    }),
  );
});
