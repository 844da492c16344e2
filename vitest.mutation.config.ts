import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A mutant is dead at the first test that fails, so the tests of properties, which take longest, come last. */
class PropertiesLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      Number(/\.property\.|\/(?:fold|bounded)\.test/.test(moduleId));
    return files.toSorted((a, b) => isLong(a) - isLong(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

/** The tests that `npm run test:mutation` puts to each mutant. */
export default defineConfig({
  test: {
    include: ['test/core/**/*.test.ts'],
    setupFiles: ['test/mutation/set-up.ts'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
    testTimeout: 30_000,
    sequence: { sequencer: PropertiesLast },
  },
});
