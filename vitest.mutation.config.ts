import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * A mutant is dead at the first test that fails, so the tests of the folder that is mutated come first, and the tests of properties,
 * which take longest, last.
 */
class NearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const near = `test/${process.env.MUTATED ?? 'core'}/`;
    const rankOf = ({ moduleId }: TestSpecification) =>
      (/\.property\.|\/(?:fold|bounded)\.test/.test(moduleId) ? 2 : 0) + (moduleId.includes(near) ? 0 : 1);
    return files.toSorted((a, b) => rankOf(a) - rankOf(b) || a.moduleId.localeCompare(b.moduleId));
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
    testTimeout: 120_000,
    sequence: { sequencer: NearestFirst },
  },
});
