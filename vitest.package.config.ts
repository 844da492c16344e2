import { defineConfig } from 'vitest/config';

/** The package as people install it; `npm run test:package` makes it, and installs what judges and installs it. */
export default defineConfig({
  test: { include: ['test/package/**/*.test.ts'], pool: 'threads', maxWorkers: 2, testTimeout: 60_000 },
});
