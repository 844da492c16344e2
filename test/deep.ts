/** True under `npm run test:deep`. It runs the test files that import this one, with all that they have. */
export const isDeep = process.env.DEEP === '1';

/** Under `npm run test:mutation` each test runs thousands of times, and most faults are noticed by others. */
const SHARE = process.env.MUTATION === '1' ? 0.25 : 1;

/**
 * How often something is tried: `quick` times under `npm test`, `deep` times under `npm run test:deep`. All deep counts together took
 * some 400 seconds of CPU time, 120 of them the 1,500 simulated worlds, so that two cores of CI are through in some 5 of their
 * 15 minutes; a new deep count has to fit into what is left.
 */
export const times = (quick: number, deep: number): number => (isDeep ? deep : Math.ceil(quick * SHARE));

/** A list as a whole under `npm run test:deep`; under `npm test` one in `every`, from the one at `first` on. */
export function sampled<T>(all: readonly T[], every: number, first = 0): T[] {
  return isDeep ? [...all] : all.filter((_, at) => at % every === first % every);
}
