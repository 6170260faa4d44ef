import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // One cluster for all workers. With options, or one for each worker: see global-setup.ts.
    globalSetup: 'redis-cluster-as-code/vitest',
    include: ['cart.test.ts'],
  },
});
