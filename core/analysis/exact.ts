import { logFactorWorse, type MovedWindow, type WindowCounts } from './evalue.ts';
import { type Capital, capitalAfter, type Starts } from './mixture.ts';

/**
 * Log e-value of one window against "the canary's odds of a bad request are at most `w0` times the stable version's": its mean,
 * given the window's totals, is exactly 1 at `w0` and at most 1 below it.
 * @param input counts of the window, which are taken as whole numbers, to the side of the canary if they are not; `r` > 1 is the
 * odds ratio bet on, as a multiple of `w0` >= 1
 * Source: the likelihood ratio itself, of Fisher's noncentral hypergeometric distribution. `logFactorWorse` bounds it for any
 * counts, and is far below it if bad requests are common and the canary's share of the requests is large.
 */
export function logFactorExact({ r, w0, ...window }: WindowCounts & { r: number; w0: number }): number {
  return factorsOf(window, w0)(r);
}

interface ExactInput extends Starts {
  /** Oldest first; those without requests on both sides are not counted, and those in which traffic moved take the bound. */
  windows: readonly MovedWindow[];
  /** The odds ratio that is tolerated in windows that name none, at least 1. */
  w0?: number;
  /** Odds ratios above 1 that are bet on, as multiples of `w0`. */
  grid: readonly number[];
  /** As for `logEWorse`. */
  m?: number;
  /** What the bets held before these windows; nothing if absent. */
  before?: Capital | undefined;
}

/** What bets on a worse canary hold after these windows: the mixture of `logEWorse`, of exact factors. */
export function capitalExact({ windows, grid, w0 = 1, m = 1, before, ...starts }: ExactInput): Capital {
  const factors = windows
    .filter(({ nc, ns }) => nc > 0 && ns > 0)
    .map((window) =>
      window.share === undefined
        ? factorsOf(window, window.w0 ?? w0)
        : (r: number) => logFactorWorse({ ...window, r, w0: window.w0 ?? w0 }),
    );
  return capitalAfter(factors, grid, starts, (factor, r) => factor(r) / m, before);
}

/** The log factor of a window for each bet: what all bets share is summed once. */
export function factorsOf(given: WindowCounts, w0: number): (r: number) => number {
  const { c, s, nc, ns } = whole(given);
  const bad = c + s;
  if (!(nc > 0 && ns > 0 && bad > 0)) return () => 0;
  const sumAt = (odds: number) => logSum({ nc, ns, bad, odds });
  const tolerated = sumAt(w0);
  return (r) => c * Math.log(r) + tolerated - sumAt(r * w0);
}

/** Counts as whole numbers, each rounded to the side that makes the canary look better; none if one is no number. */
function whole({ c, s, nc, ns }: WindowCounts): WindowCounts {
  if (![c, s, nc, ns].every(Number.isFinite)) return { c: 0, s: 0, nc: 0, ns: 0 };
  const [canary, stable] = [Math.ceil(nc), Math.floor(ns)];
  return {
    c: Math.min(canary, Math.max(0, Math.floor(c))),
    s: Math.min(stable, Math.max(0, Math.ceil(s))),
    nc: canary,
    ns: stable,
  };
}

/** A term below this part of the sum adds nothing to it. */
const NEGLIGIBLE = 1e-18;

/** The logarithm of the sum over x of C(nc, x) C(ns, bad - x) odds^x, from its largest term outwards. */
function logSum({ nc, ns, bad, odds }: { nc: number; ns: number; bad: number; odds: number }): number {
  const [least, most] = [Math.max(0, bad - ns), Math.min(nc, bad)];
  const linear = ns - bad + odds * (nc + bad + 2);
  const product = odds * (nc + 1) * (bad + 1);
  const root = Math.sqrt(Math.max(0, linear ** 2 + 4 * (1 - odds) * product));
  const mode = Math.min(most, Math.max(least, Math.floor((2 * product) / (linear + root))));
  // The ratio of the term at x to the one before it.
  const ratio = (x: number) => (odds * (nc - x + 1) * (bad - x + 1)) / (x * (ns - bad + x));
  let sum = 1;
  for (let x = mode + 1, term = 1; x <= most && term > NEGLIGIBLE * sum; x++) {
    term *= ratio(x);
    sum += term;
  }
  for (let x = mode, term = 1; x > least && term > NEGLIGIBLE * sum; x--) {
    term /= ratio(x);
    sum += term;
  }
  return logChoose(nc, mode) + logChoose(ns, bad - mode) + mode * Math.log(odds) + Math.log(sum);
}

const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** Up to here the logarithm is that of the product itself. */
const SMALL = 32;

const SMALL_LOGS = Array.from({ length: SMALL }, (_, n) =>
  Math.log(Array.from({ length: n }, (_, k) => k + 1).reduce((product, factor) => product * factor, 1)),
);

/** Source: Stirling's series, whose first term left out is below 1e-16 from `SMALL` on. */
function logFactorial(n: number): number {
  const small = SMALL_LOGS[n];
  if (small !== undefined) return small;
  const square = 1 / (n * n);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / n;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series;
}
