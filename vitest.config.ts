import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The first need SST's platform, another installation (`npm run test:infra`), the others a program that answers (`npm run test:wire`).
    exclude: [...configDefaults.exclude, 'test/infra/graph/**', 'test/infra/cli/**', 'test/wire/**'],
    pool: 'threads',
    // One more than the cores it is meant for: some tests only wait for a command line or a silent service.
    maxWorkers: 3,
    testTimeout: 30_000,
  },
});
