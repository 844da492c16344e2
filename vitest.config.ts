import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need SST's platform, which is another installation: `npm run test:infra`.
    exclude: [...configDefaults.exclude, 'test/infra/graph/**'],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
