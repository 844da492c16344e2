import type { Count } from './types.ts';

/** How much worse a release must be for a step without any sign of it to mean something. */
const TENFOLD = 10;

/** Chance with which such a release must have shown. */
const POWER = 0.8;

/** The standard normal quantile of POWER. */
const POWER_DEVIATION = 0.8416;

/** Above this variance the binomial is taken as normal. */
const NORMAL_VARIANCE = 100;

/** The share of bad requests of a release that must not go unseen: ten times stable's, and of at least `floor`. */
export function tenfold(stable: Count, floor: number): number {
  const share = stable.total === 0 ? 0 : stable.bad / stable.total;
  return Math.min(0.95, TENFOLD * Math.max(share, floor));
}

/**
 * Says whether a canary with this share of bad requests would have been found out at these counts with a chance of 80 %.
 * @param isFound whether so many bad requests would be evidence enough; if some number is, so is every larger one
 */
export function wouldShow(total: number, share: number, isFound: (bad: number) => boolean): boolean {
  const least = likelyAtLeast(total, share);
  return least > 0 && isFound(least);
}

/** The largest number that a binomial one of `total` tries at `share` reaches with a chance of 80 %. */
function likelyAtLeast(total: number, share: number): number {
  const variance = total * share * (1 - share);
  if (variance > NORMAL_VARIANCE)
    return Math.floor(total * share + 0.5 - POWER_DEVIATION * Math.sqrt(variance));
  // The logarithm of each term: of many requests at a large share the first terms themselves are too small for a number.
  let term = total * Math.log1p(-share);
  let below = 0;
  let count = 0;
  while (count < total) {
    below += Math.exp(term);
    if (below > 1 - POWER) break;
    term += Math.log(((total - count) / (count + 1)) * (share / (1 - share)));
    count += 1;
  }
  return count;
}

/** Fewest canary requests with which `isEnough`, to two digits; undefined if even a million are not. */
export function fewest(isEnough: (total: number) => boolean): number | undefined {
  let high = 10;
  while (!isEnough(high)) {
    if (high >= 1e6) return undefined;
    high *= 2;
  }
  let low = high / 2;
  while (high - low > Math.max(1, high / 50)) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  const digit = 10 ** Math.max(0, Math.floor(Math.log10(high)) - 1);
  return Math.ceil(high / digit) * digit;
}
