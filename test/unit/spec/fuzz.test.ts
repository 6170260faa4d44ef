import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { STACK_TEXT } from '../../helpers/builders.ts';
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
