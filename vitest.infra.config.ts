import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/infra/graph/**/*.test.ts'], pool: 'threads', maxWorkers: 2, testTimeout: 60_000 },
});
