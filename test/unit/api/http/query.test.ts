import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProblemError } from '../../../../src/api/http/problem.ts';
import { keyFrom, parseQuery } from '../../../../src/api/http/query.ts';

test.each([
  ['', {}],
  ['key=a', { key: 'a' }],
  ['key', { key: '' }],
  ['key=', { key: '' }],
  ['=a', { '': 'a' }],
  ['&&key=a&&', { key: 'a' }],
  ['key=a=b', { key: 'a=b' }],
  ['key=a&key=b&key=c', { key: ['a', 'b', 'c'] }],
  ['k%65y=a', { key: 'a' }],
  ['key=a+b%2Bc', { key: 'a b+c' }],
  ['key=%', { key: '%' }],
  ['key=%4', { key: '%4' }],
  ['key=%zz%41', { key: '%zzA' }],
  ['key=%2541', { key: '%41' }],
  ['key=%C3%A9', { key: '\u00c3\u00a9' }],
  ['key={a}', { key: '{a}' }],
])('%j', (query, values) => {
  expect(parseQuery(query)).toEqual(values);
});

test('__proto__ is a name like any other', () => {
  const values = parseQuery('__proto__=a&key=b');
  expect(Object.keys(values)).toEqual(['__proto__', 'key']);
  expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
});

test('every key of any bytes comes out as it went in, percent-encoded wholly or where it has to be', () => {
  const anyKey = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(anyKey, fc.boolean(), (key, isWhole) => {
      const text = [...key].map((byte) => {
        const sign = String.fromCharCode(byte);
        return !isWhole && /[\w.~{}-]/.test(sign) ? sign : `%${byte.toString(16).padStart(2, '0')}`;
      });
      const { key: value } = parseQuery(`other=1&key=${text.join('')}`);
      expect(typeof value === 'string' && keyFrom(value).equals(key)).toBe(true);
    }),
  );
});

test('no query breaks it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (query) => {
      expect(() => parseQuery(query)).not.toThrow();
    }),
  );
});

test('a key of 8 KiB is taken, and one byte more is 414', () => {
  expect(keyFrom('\u00ff'.repeat(8192))).toHaveLength(8192);
  expect(() => keyFrom('a'.repeat(8193))).toThrow(ProblemError);
  expect(() => keyFrom('a'.repeat(8193))).toThrow(/8193 bytes/);
});
