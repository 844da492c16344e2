import { defineConfig } from 'vitest/config';

/** The tests over the wire; `npm run test:wire` starts the program that answers them. */
export default defineConfig({
  test: {
    include: ['test/wire/**/*.test.ts'],
    globalSetup: 'test/wire/setup.ts',
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 180_000,
  },
});
