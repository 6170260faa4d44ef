/** Ten thousand files that claim to describe a stack. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { specText, STACK_TEXT } from '../helpers/builders.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { checkConf, checkDocument, newTally, redisConfs, yamlDocuments } from '../helpers/yaml-fuzz.ts';

const LONGEST_TEST_MS = 60 * 60_000;

const files = [
  readFileSync('infra/dev-services.yaml', 'utf8'),
  STACK_TEXT,
  specText({
    replicas: 1,
    secrets: { provider: 'vault', path: 'team/redis' },
    tls: { issuer: 'vault', role: 'redis' },
  }),
];

test(
  'whatever stands in the YAML file, it is a stack or a list of problems at their places, in seconds',
  () => {
    const tally = newTally();
    fc.assert(
      fc.property(yamlDocuments(files), (text) => checkDocument(text, tally)),
      { numRuns: rounds(10_000), endOnFailure: true },
    );
    expect(tally.valid).toBeGreaterThan(0);
    expect(tally.invalid).toBeGreaterThan(0);
    const { documents, valid, invalid, problems, longestMs } = tally;
    record('fuzz: YAML files', {
      documents,
      valid,
      invalid,
      problems,
      longestCpuMs: Math.round(longestMs),
      uncaught: 0,
    });
  },
  LONGEST_TEST_MS,
);

test('whatever stands in a redis.conf, its problems have places', () => {
  const numRuns = rounds(10_000);
  expect(() => fc.assert(fc.property(redisConfs(), checkConf), { numRuns })).not.toThrow();
  record('fuzz: redis.conf files', { documents: numRuns, uncaught: 0 });
});
