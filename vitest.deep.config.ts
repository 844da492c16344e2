import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** The test files that have more to try than `npm test` has time for. */
const include = globSync('test/**/*.test.ts').filter((file) =>
  /from '(?:\.\.?\/)+deep\.ts'/.test(readFileSync(file, 'utf8')),
);

/** What takes long, as a whole; `npm test` tries a sample of it. */
export default defineConfig({
  test: {
    include,
    setupFiles: ['test/set-up.ts'],
    env: { DEEP: '1' },
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 600_000,
  },
});
