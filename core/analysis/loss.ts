import { logEStarved } from './evalue.ts';

/**
 * How closely a split is compared with the weight if the canary gets less: each request is dealt by chance with the weight that is
 * set (Lambda developer guide, "Create an alias": "a simple probabilistic model"), so a small loss shows in many requests. The rest is assumed.
 */
const TAU = 1.01;
const BETS = [1.04, 1.08, 1.25, 2, 10];

/** Probability, over a whole rollout, of suspecting a canary of losing requests that loses none, at most; measured at a quarter of it. */
const ALPHA_LOST = 0.02;

/** Evidence at which a canary is suspected of losing requests. */
export const LOST = -Math.log(ALPHA_LOST);

/** Requests that were counted while the canary was due the share `w` (0 to 1) of all. */
export interface Split {
  nc: number;
  ns: number;
  w: number;
}

/** Log evidence that the canary gets, or that AWS counts of it, less than the weights that stood gave it; steps add up. */
export function evidenceOfLoss(splits: readonly Split[], burst: number): number {
  return logEStarved({ windows: splits, w: 0, tau: TAU, grid: BETS }) / burst;
}

/** How many requests the canary was due by what was counted of stable. */
export function dueOf(splits: readonly Split[]): number {
  return splits.reduce((all, { ns, w }) => all + (ns * w) / (1 - w), 0);
}

/** The standard normal quantile of 80 %. */
const POWER_DEVIATION = 0.8416;

/** The least share of the canary's requests (0 to 1) whose loss these counts show with a chance of 80 %; null if they do not even show the loss of all. */
export function leastLossSeen(splits: readonly Split[], burst: number): number | null {
  const due = dueOf(splits);
  const isSeen = (lost: number) => {
    const come = due * (1 - lost);
    const most = due === 0 ? 0 : (come + POWER_DEVIATION * Math.sqrt(come)) / due;
    const given = splits.map(({ ns, w }) => ({ ns, w, nc: (most * ns * w) / (1 - w) }));
    return evidenceOfLoss(given, burst) >= LOST;
  };
  if (!isSeen(1)) return null;
  let [low, high] = [0, 1];
  while (high - low > 0.001) {
    const middle = (low + high) / 2;
    if (isSeen(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Which loss counts do not show, in words. */
export function unseenLoss(share: number | null): string {
  return share === null
    ? "uncounted losses of the canary's requests are not visible, however large"
    : `uncounted losses below ${Math.ceil(share * 100)} % of the canary's requests are not visible`;
}
