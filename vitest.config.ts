import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The first need SST's platform, another installation (`npm run test:infra`), then a program that answers (`npm run test:wire`), then Lambda's runtime client (`npm run test:runtime`).
    exclude: [
      ...configDefaults.exclude,
      ...['test/infra/graph/**', 'test/infra/cli/**', 'test/wire/**', 'test/runtime/ric/**'],
    ],
    pool: 'threads',
    // One more than the cores it is meant for: some tests only wait for a command line or a silent service.
    maxWorkers: 3,
    testTimeout: 60_000,
  },
});
