import { parseEnv } from 'node:util';
import { assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskCommand, render, rendered, type Format } from '../../../../../src/cli/commands/env/formats.ts';
import { readRunnerFile } from '../../../../helpers/ci-runners.ts';

/** Made of what readers take for something else, and of anything. */
const MARKS = ["'", '"', '`', '\\', '$', '#', '{', '}', '=', ':', '-', '%', '<', ' ', '\t', '\n', '\r', 'n', 'é', '😀'];
const values = oneof(string({ unit: constantFrom(...MARKS) }), string({ unit: 'binary' }));

describe('what is written is what is read, or it is refused', () => {
  const readers = { dotenv: parseEnv, json: JSON.parse, github: readRunnerFile } as const;
  test.each(Object.entries(readers))('%s', (format, read) => {
    const around = (value: string) => ({ BEFORE: '1', VALUE: value, AFTER: '2' });
    const isKept = property(values, (value) => {
      const text = rendered(around(value), format as Format);
      expect(typeof text === 'string' ? read(text) : around(value)).toEqual(around(value));
    });
    expect(() => assert(isKept, { numRuns: 2000 })).not.toThrow();
  });
});

const isCarried = (value: string, format: Format): boolean => typeof rendered({ VALUE: value }, format) === 'string';

test.each([
  [`say "hi" it's\\me`, ['dotenv', 'shell', 'docker', 'github']],
  ['  spaces  ', ['dotenv', 'shell', 'docker', 'github']],
  ['two\nlines', ['dotenv', 'shell', 'github']],
  ['price: ${5}', ['shell', 'docker', 'github']],
  [`'both" quotes`, ['shell', 'docker', 'github']],
  ['the end \\', ['dotenv', 'shell', 'docker', 'github']],
  ['a\0b', []],
])('%j is carried by %j and by JSON, and by no other', (value, formats) => {
  const all: readonly Format[] = ['dotenv', 'shell', 'docker', 'github'];
  expect(all.filter((format) => isCarried(value, format))).toEqual(formats);
  expect(isCarried(value, 'json')).toBe(true);
});

test('an error names the variable, and a format that carries all of them', () => {
  const refused = { PLAIN: '1', REDIS_PASSWORD: 'a\nb' };
  expect(() => render(refused, 'docker', true)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: "the format docker can't carry REDIS_PASSWORD: docker run --env-file would read another value",
      hint: [{ run: 'env --format dotenv --reveal' }],
    }),
  );
});

test('a mask is one line, whatever the secret is', () => {
  expect(maskCommand('100%\r\nmore')).toBe('::add-mask::100%25%0D%0Amore');
});
