import type { Count } from './types.ts';

/** The part of stable's good requests that a canary under this ratio may lose, 0 to 1: a tenth under 1.5. */
const lostUnder = (ratio: number): number => Math.min(0.5, Math.max(0, (ratio - 1) / 5));

/**
 * The odds ratio that is tolerated of counts of which the share `p` is bad: `ratio` itself as long as bad ones are rare, and no more
 * than the loss of the part `lost` of the good ones where they are common. Above 1 under any ratio above 1, for any share.
 * @param p share of bad requests of stable, 0 to 1
 */
export function toleratedOdds(p: number, ratio: number, lost: number = lostUnder(ratio)): number {
  const share = Math.min(1, Math.max(0, p));
  // Without any bad one the quotient is infinite, which no ratio is.
  return share === 0 ? ratio : Math.min(ratio, (share + lost * (1 - share)) / ((1 - lost) * share));
}

/** The largest share that so many can show, below 1. */
export const mostShare = ({ total }: Pick<Count, 'total'>): number => 1 - 0.25 / (total + 1);

/** Deviation of a one-sided interval of 99 %. */
const DEVIATION = 2.326;

/** The share of bad requests, 0 to 1 and never 1 itself, that these counts are below. Source: upper end of Wilson's interval. */
export function shareAtMost({ bad, total }: Count): number {
  const square = DEVIATION ** 2;
  const n = Math.max(0, total);
  const share = n === 0 ? 1 : Math.min(1, Math.max(0, bad / n));
  const spread = DEVIATION * Math.sqrt(n * share * (1 - share) + square / 4);
  return Math.min(mostShare({ total: n }), (n * share + square / 2 + spread) / (n + square));
}

/** The share of bad requests that a canary without a control is held to, by what stable counted: below 1 whatever that was. */
export function guardShare(stable: Count, ratio: number, floor: number, lost?: number): number {
  const share = shareAtMost(stable);
  return Math.max(floor, withOdds(share, toleratedOdds(share, ratio, lost)));
}

/** Odds that are bet on beyond a share, as multiples of its own. */
const ODDS_BETS = [1.5, 2, 3, 5, 10, 20, 50, 100];

/** The shares that are bet on beyond `p0`, all below 1. */
export const guardBets = (p0: number): number[] => ODDS_BETS.map((times) => withOdds(p0, times));

/** The share whose odds are so many times those of `share`. */
export const withOdds = (share: number, times: number) => (times * share) / (1 - share + times * share);

/** The share of bad requests that a step must be able to show before its silence means a good release: far above what is tolerated, and below 1. */
export function mustShow(p: number, ratio: number, floor: number, lost: number = lostUnder(ratio)): number {
  return Math.min(10 * Math.max(p, floor), 1 - (1 - p) * (1 - 3 * Math.max(lost, 0.05)));
}
