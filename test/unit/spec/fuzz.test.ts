import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { problemsOf, STACK_TEXT } from '../../helpers/builders.ts';
import { checkConf, checkDocument, newTally, redisConfs, yamlDocuments } from '../../helpers/yaml-fuzz.ts';

const files = [STACK_TEXT, readFileSync('infra/dev-services.yaml', 'utf8')];

test('whatever stands in the file, it is a stack or a list of problems at their places', () => {
  const tally = newTally();
  fc.assert(
    fc.property(yamlDocuments(files, 500), (text) => checkDocument(text, tally)),
    { numRuns: 1000 },
  );
  // Documents of which none is good, or none is bad, would show little.
  expect(tally.valid).toBeGreaterThan(0);
  expect(tally.invalid).toBeGreaterThan(0);
}, 60_000);

test('whatever stands in a redis.conf, its problems have places', () => {
  expect(() => fc.assert(fc.property(redisConfs(), checkConf), { numRuns: 400 })).not.toThrow();
});

describe('what once took minutes, or did not end', () => {
  test.each([
    ['keys within keys', '? '.repeat(40), '1:3 a key must be a word (write it without ?)'],
    ['keys within keys, in braces', `{${'{'.repeat(50)}a${'}: b'.repeat(50)}}`, '1:2 a key must be a word'],
    ['a list of itself', `a: &a [${'*a,'.repeat(19_000)}]`, 'it has more than 100 aliases'],
    ['very many keys', `{${Array.from({ length: 7000 }, (_, index) => `k${index}: 1`).join(',')}}`, 'unknown key'],
    ['very many signs', '"'.repeat(200_000), 'the file has more than 60000 signs and words'],
  ])('%s', (_what, text, problem) => {
    const tally = newTally();
    checkDocument(text, tally);
    expect(tally.invalid).toBe(1);
    expect(problemsOf(text)).toContain(problem);
  });
});
