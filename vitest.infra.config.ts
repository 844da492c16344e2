import { defineConfig } from 'vitest/config';

/** Some deploy several times, and the machine may be busy with other tests. */
const LONG = 300_000;

export default defineConfig({
  test: {
    include: ['test/infra/{graph,cli}/**/*.test.ts'],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: LONG,
    hookTimeout: LONG,
  },
});
