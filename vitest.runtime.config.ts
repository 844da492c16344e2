import { defineConfig } from 'vitest/config';

/** The wrapper under Lambda's own runtime client; `npm run test:runtime` installs what it needs. */
export default defineConfig({
  test: { include: ['test/runtime/ric/**/*.test.ts'], pool: 'threads', maxWorkers: 2, testTimeout: 60_000 },
});
