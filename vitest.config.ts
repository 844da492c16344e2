import { globSync, readFileSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

/** Replaces modules, clients or the environment, which the next file in the same worker would see too. */
const LEAKS =
  /\bvi\.(?:mock|doMock|hoisted|resetModules)\(|mockClient\([A-Z]|\bprocess\.env(?:\.\w+)? = |\(process\.env, |\/called\.ts'/;
const all = globSync('test/**/*.test.ts').map((file) => file.replaceAll('\\', '/'));
const isolated = all.filter((file) => LEAKS.test(readFileSync(file, 'utf8')));

export default defineConfig({
  test: {
    // The first need SST's platform, another installation (`npm run test:infra`), then a program that answers (`npm run test:wire`), then Lambda's runtime client (`npm run test:runtime`), then the package (`npm run test:package`), then a browser (`npm run test:browser`).
    exclude: [
      ...configDefaults.exclude,
      ...[
        'test/infra/graph/**',
        'test/infra/cli/**',
        'test/wire/**',
        'test/runtime/ric/**',
        'test/package/**',
        'test/browser/**',
      ],
    ],
    setupFiles: ['test/set-up.ts'],
    pool: 'threads',
    // One more than the cores it is meant for: some tests only wait for a command line or a silent service.
    maxWorkers: 3,
    testTimeout: 60_000,
    unstubEnvs: true,
    // Loading the product and the AWS SDK anew for each file is a quarter of the CPU time of all tests.
    projects: [
      {
        extends: true,
        test: { name: 'shared', isolate: false, include: ['test/**/*.test.ts'], exclude: isolated },
      },
      { extends: true, test: { name: 'isolated', isolate: true, include: isolated } },
    ],
  },
});
