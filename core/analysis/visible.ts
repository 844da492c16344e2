import { logFactorWorse } from './evalue.ts';
import { logMeanExp } from './mixture.ts';

/** Counts that one window of both versions would have, and what is asked of them. */
interface Ask {
  /** Requests of the canary and of stable. */
  nc: number;
  ns: number;
  /** Share of stable's requests that are bad, 0 to 1. */
  p: number;
  /** Tolerated odds ratio, and those bet on as multiples of it. */
  w0: number;
  bets: readonly number[];
  /** Part of the stake that bets on a difference from the first window on. */
  head: number;
  /** Natural logarithm of the evidence that reverts. */
  required: number;
  /** Log e-value of a window; `logFactorWorse` if absent. */
  factor?: typeof logFactorWorse | undefined;
}

/** As `Ask`, of a step by the minute. */
type Scene = Omit<Ask, 'nc' | 'ns'> & {
  /** Requests of both versions. */
  perMinute: number;
  /** The canary's share of them, 0 to 1. */
  weight: number;
};

/** The least number of bad requests on the canary that reverts it, with a fraction; undefined if not even all of them are enough. */
export function enough({
  nc,
  ns,
  p,
  w0,
  bets,
  head,
  required,
  factor = logFactorWorse,
}: Ask): number | undefined {
  const isEnough = (c: number) =>
    Math.log(head) + logMeanExp(bets.map((r) => factor({ c, nc, s: p * ns, ns, r, w0 }))) >= required;
  if (!(nc > 0 && ns > 0) || !isEnough(nc)) return undefined;
  let [low, high] = [0, nc];
  while (high - low > 1e-13 * nc) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The share of bad requests at which `c` or more of `n` come with a chance of 80 %.
 * Source: the arcsine transformation of a binomial with Anscombe's correction; off by 1.1 points at most for 10 to 1,000.
 */
export function share80(c: number, n: number): number {
  const angle = Math.asin(Math.sqrt(Math.min(1, Math.max(0, (c - 0.284) / (n + 0.432)))));
  return Math.sin(Math.min(Math.PI / 2, angle + 0.4208 / Math.sqrt(n))) ** 2;
}

/** The least share of bad requests, 0 to 1, that is found in so many minutes with a chance of 80 %; undefined if none is. */
export function visible({ perMinute, weight, ...scene }: Scene, minutes: number): number | undefined {
  const nc = perMinute * weight * minutes;
  const least = enough({ ...scene, nc, ns: perMinute * (1 - weight) * minutes });
  return least === undefined ? undefined : share80(least, nc);
}

/** No rollout waits longer for a finding. */
const LONGEST_MINUTES = 2 ** 20;

/** The least number of whole minutes in which a canary that fails `share` of its requests is found with a chance of 80 %; undefined if no time is enough. */
export function minutesTo(share: number, scene: Scene): number | undefined {
  const isFound = (minutes: number) => (visible(scene, minutes) ?? Number.POSITIVE_INFINITY) <= share;
  let high = 1;
  while (!isFound(high)) {
    high *= 2;
    if (high > LONGEST_MINUTES) return undefined;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isFound(middle)) high = middle;
    else low = middle;
  }
  return high;
}
