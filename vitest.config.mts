import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';

/**
 * Engine tests start real containers and mostly wait for them: some files at a time keep two cores busy, and with more of
 * them only the load grows. Their bounds are for a hang; a busy machine may need several times as long as an idle one.
 */
const onEngine = {
  testTimeout: 600_000,
  hookTimeout: 600_000,
  maxWorkers: 4,
  isolate: false,
  sequence: { groupOrder: 1 },
};

const ON_HOSTS = 'test/e2e/hosts*.test.ts';

/** Files that take longest. One that begins last would keep everybody waiting. */
const LONG = [
  'faults',
  'watch',
  'appendonly',
  'tls',
  'resume',
  'plan-is-up',
  'leaks',
  'rotation',
  'scale',
  'killed',
  'drift',
  'grounds',
  'other-image',
  'vault',
  'names',
  'proxy-life',
  'unmapped',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONG.some((name) => moduleId.endsWith(`/e2e/${name}.test.ts`));
    // eslint-disable-next-line unicorn/no-array-sort -- it is vitest's own, not an array's
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => Number(isLong(other)) - Number(isLong(one)));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // Both cores, one file each: none of them waits.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 300_000,
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...onEngine } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: [ON_HOSTS], ...onEngine } },
      // Each file starts three engines: beside these, everybody else would wait for his own.
      { test: { name: 'hosts', include: [ON_HOSTS], ...onEngine, maxWorkers: 3, sequence: { groupOrder: 2 } } },
      // Hundreds of rounds each: `npm run reliability` runs them, and nothing else does.
      {
        test: {
          name: 'reliability',
          include: ['test/reliability/**/*.test.ts', 'test/e2e/{rotation,scale,slot-move,slot-move-killed}.test.ts'],
          ...onEngine,
        },
      },
    ],
  },
});
