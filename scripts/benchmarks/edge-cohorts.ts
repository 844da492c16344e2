import { COHORT_MAX, cohortOf } from '../../core/cohort.ts';
import type { Figures } from './figures.ts';

const VISITORS = 1_000_000;
const PERCENTS = [1, 5, 25, 50];
const ERRORS_MAX = 3;

/** The share of visitors below each weight, and how many standard errors it is off. */
export function cohortShares(): Figures {
  const counts = new Map(PERCENTS.map((percent) => [percent, 0]));
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    const cohort = cohortOf('checkout--r42--1', `visitor-${visitor}`);
    for (const percent of PERCENTS)
      if (cohort < (percent / 100) * COHORT_MAX) counts.set(percent, (counts.get(percent) ?? 0) + 1);
  }
  const off = (percent: number) => {
    const share = percent / 100;
    const error = Math.sqrt((share * (1 - share)) / VISITORS);
    return Math.abs((counts.get(percent) ?? 0) / VISITORS - share) / error;
  };
  return {
    ...Object.fromEntries(
      PERCENTS.flatMap((percent) => [
        [
          `% of ${VISITORS} visitors on the canary at ${percent} %`,
          (100 * (counts.get(percent) ?? 0)) / VISITORS,
        ],
        [`standard errors off at ${percent} %`, Number(off(percent).toFixed(2))],
      ]),
    ),
    [`goal: every share within ${ERRORS_MAX} standard errors`]: PERCENTS.every(
      (percent) => off(percent) <= ERRORS_MAX,
    ),
  };
}
