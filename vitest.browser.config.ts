import { defineConfig } from 'vitest/config';

/** A real browser clicks through the example site; it needs Debian's Chromium, and 2 GB. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: 'test/browser/setup.ts',
    pool: 'threads',
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
