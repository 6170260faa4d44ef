import { defineConfig } from 'vitest/config';

/** Engine tests start real containers and mostly wait for them: three files at a time keep two cores busy. */
const onEngine = { testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: 3, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], sequence: { groupOrder: 0 } } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...onEngine } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...onEngine } },
      // Hundreds of rounds each: `npm run reliability` runs them, and nothing else does.
      { test: { name: 'reliability', include: ['test/reliability/**/*.test.ts'], ...onEngine } },
    ],
  },
});
