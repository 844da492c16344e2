import { type Capital, capitalAfter, logAddExp, logMeanExp, type Starts, worthOf } from './mixture.ts';

/**
 * Bad requests and all requests of one window: `c` of `nc` on the canary, `s` of `ns` on the stable version.
 * Never negative, c <= nc and s <= ns; fractions are allowed, because histogram counts are interpolated.
 */
export interface WindowCounts {
  c: number;
  s: number;
  nc: number;
  ns: number;
}

/**
 * A window of which the canary's share of the requests was not the same throughout: `share` (0 to 1) is the largest that
 * can have been in force. Its realised share alone would blame the canary for a burst that fell into the larger part.
 */
export interface MovedWindow extends WindowCounts {
  share?: number | undefined;
  /** Those of its requests that environments in their first minute answered, which are compared with each other alone. */
  young?: WindowCounts | undefined;
  /** The odds ratio that is tolerated in it, at least 1; that of all windows if absent. */
  w0?: number | undefined;
  /** Part of what each bet holds that is staked on it, 0 to 1; all of it if absent. */
  stake?: number | undefined;
}

/** What is asked of a run of windows: each of the bets in `grid` (odds ratios above 1, as multiples of `w0`), from each start. */
interface WorseInput extends Starts {
  windows: readonly MovedWindow[];
  grid: readonly number[];
  /** Burst divisor: the largest number of bad requests that share one cause and one version; 1 if each is its own. */
  m?: number;
  /** What the bets held before these windows; nothing if absent. */
  before?: Capital | undefined;
}

interface WindowBetInput extends Starts {
  windows: readonly MovedWindow[];
  U: readonly number[];
  w0?: number;
  /** As for `WorseInput`. */
  before?: Capital | undefined;
}

interface TrafficInput {
  windows: readonly { nc: number; ns: number; w?: number }[];
  w: number;
  tau: number;
  grid: readonly number[];
}

/** Bad requests `c` of `n` on one version, the boundary share `p0` and the shares `p1` bet on, all shares strictly within 0 and 1. */
interface AbsoluteInput {
  c: number;
  n: number;
  p0: number;
  p1: readonly number[];
}

/**
 * A window as a number of draws of which `hits` came out, each with mean `chance` at the boundary of the null. Where bad
 * requests outnumber the stable ones, some canary requests are bad for certain; they are left out by counting good
 * stable requests, so that nothing large is subtracted from something large.
 */
interface Draws {
  hits: number;
  draws: number;
  chance: number;
}

/**
 * Log e-value of one window against "the canary's odds of a bad request are at most `w0` times the stable version's":
 * under that its mean, given the window's totals, is at most 1.
 * @param input counts of the window; `r` > 1 is the odds ratio bet on, as a multiple of `w0` >= 1
 * Source: the canary's share of the bad requests is a sum of independent draws (Vatutin and Mikhailov 1983), whose
 * generating function is largest when all draws are alike (Hoeffding 1956).
 */
export function logFactorWorse({ r, w0, ...window }: WindowCounts & { r: number; w0: number }): number {
  return logFactor(drawsWorse(window, w0), r);
}

/**
 * Log e-value of one window against "the canary's odds of a bad request are at least `wm` times the stable version's":
 * under that its mean, given the window's totals, is at most 1.
 * @param input counts of the window; 0 < `r` < 1 is the odds ratio bet on, as a multiple of `wm` >= 1
 * Source: as `logFactorWorse`, with Cornfield's approximate mean, which Jensen's inequality keeps below the exact one.
 */
export function logFactorSafe({ r, wm, ...window }: WindowCounts & { r: number; wm: number }): number {
  return logFactor(drawsSafe(window, wm), r);
}

/**
 * Log e-value of all windows so far against "in every window the canary's odds of a bad request are at most `w0` times
 * the stable version's": under that it ever reaches ln(1/alpha) with probability at most alpha, however often one looks.
 * @param input windows oldest first (those without requests on both sides are not counted), bets, planned number of
 * windows `T` >= 1, `head` in (0, 1], `w0` >= 1 and `m` >= 1
 * Source: product of `logFactorWorse` mixed over bets and starts (Shiryaev-Roberts form); Ville 1939.
 */
export function logEWorse(input: WorseInput & { w0?: number }): number {
  return worthOf(capitalWorse(input), input);
}

/** What the bets of `logEWorse` hold after its windows. */
export function capitalWorse({
  windows,
  grid,
  w0 = 1,
  m = 1,
  before,
  ...starts
}: WorseInput & { w0?: number }): Capital {
  const draws = windows.filter(hasControl).map((window) => ({
    stake: window.stake ?? 1,
    strata: strataOf(window).map((each) => drawsWorse(each, window.w0 ?? w0)),
  }));
  const factor = ({ stake, strata }: (typeof draws)[number], r: number) => {
    const whole = strata.reduce((sum, each) => sum + logFactor(each, r), 0) / m;
    return stake === 1 ? whole : logAddExp(Math.log1p(-stake), Math.log(stake) + whole);
  };
  return capitalAfter(draws, grid, starts, factor, before);
}

/**
 * Log e-value against "each request is bad with probability at most `p0`, independently": under that its mean is at most 1.
 * @param input counts, over one or many windows; each of `p1` at least `p0`
 * Source: mean of likelihood ratios of fixed alternatives; Ville 1939. It has no control, so a common outage counts against the canary.
 */
export function logEAbsoluteWorse(input: AbsoluteInput): number {
  return logMeanLikelihoodRatio(input);
}

/**
 * Log e-value against "each request is bad with probability at least `p0`, independently": under that its mean is at most 1.
 * @param input counts, over one or many windows; each of `p1` at most `p0`
 * Source: mean of likelihood ratios of fixed alternatives; Ville 1939.
 */
export function logEAbsoluteSafe(input: AbsoluteInput): number {
  return logMeanLikelihoodRatio(input);
}

/**
 * Log e-value of all windows so far that holds under any clustering inside a window: under "the canary's expected part of
 * a window's bad requests is at most w0 nc / (w0 nc + ns)" its mean is at most 1.
 * @param input windows oldest first; `U` are the parts of the capital staked, in (0, 1], one of them below 1 so that no
 * window can take all; `T`, `head` and `w0` as for `logEWorse`
 * Source: betting on a bounded mean, one bet per window; Ville 1939.
 */
export function logEWindowBet(input: WindowBetInput): number {
  return worthOf(capitalWindowBet(input), input);
}

/** What the bets of `logEWindowBet` hold after its windows. */
export function capitalWindowBet({ windows, U, w0 = 1, before, ...starts }: WindowBetInput): Capital {
  const returns = windows
    .filter(hasControl)
    .map((window) => (window.stake ?? 1) * betReturn(window, window.w0 ?? w0));
  return capitalAfter(returns, U, starts, (gain, stake) => Math.log1p(stake * gain), before);
}

/**
 * Log e-value against "the odds that a request reaches the canary are within a factor `tau` of what the weight says":
 * under that its mean is at most 1. A window without canary requests counts here, because it is the very finding.
 * @param input requests per window, `w` the weight in force (0 to 1; a window may carry its own), `tau` >= 1, `grid` of factors above 1
 * Source: mean of two-sided binomial bets taken at the edges of the tolerated odds; Ville 1939.
 */
export function logETraffic({ windows, w, tau, grid }: TrafficInput): number {
  const logCapital = (bet: number, tilt: number) => logTrafficCapital(windows, w, bet, tilt);
  return logMeanExp(grid.flatMap((bet) => [logCapital(bet, tau), logCapital(1 / bet, 1 / tau)]));
}

function logTrafficCapital(windows: TrafficInput['windows'], w: number, bet: number, tilt: number): number {
  return windows.reduce((total, { nc, ns, w: share = w }) => {
    const edge = (share * tilt) / (1 - share + share * tilt);
    return total + nc * Math.log(bet) - (nc + ns) * Math.log1p(edge * (bet - 1));
  }, 0);
}

/**
 * Log e-value against "the odds that a request reaches the canary are at least `1 / tau` of what the weight says": under
 * that its mean is at most 1. It grows if the canary gets, or reports, far fewer requests than it was due.
 * @param input as for `logETraffic`
 * Source: the lower half of `logETraffic`.
 */
export function logEStarved({ windows, w, tau, grid }: TrafficInput): number {
  return logMeanExp(grid.map((bet) => logTrafficCapital(windows, w, 1 / bet, 1 / tau)));
}

/**
 * As `logEStarved`, and never more than it: of each bet, the half of the windows that gain most is left out, so that it grows only
 * if most windows show the same, however wrong the others are.
 */
export function logEStarvedInMost({ windows, w, tau, grid }: TrafficInput): number {
  const capitals = grid.map((bet) => {
    const gains = windows.map((window) => logTrafficCapital([window], w, 1 / bet, 1 / tau));
    const highest = gains.sort((a, b) => b - a).slice(0, Math.ceil(gains.length / 2));
    return highest.reduce(
      (all, gain) => all - Math.max(0, gain),
      gains.reduce((all, gain) => all + gain, 0),
    );
  });
  return logMeanExp(capitals);
}

/**
 * Log e-value of one window against "canary and stable requests are exchangeable over the buckets": under that its mean,
 * given the pooled histogram, is at most 1.
 * @param input requests per bucket on canary (`xc`) and stable (`xs`), and positive bucket values `v` chosen before the
 * window; it is one-sided (canary no slower) if `v` never falls and max v <= min v * (xc + xs) / xc in totals
 * Source: drawing without replacement spreads less than drawing with replacement.
 */
export function logFactorTilt({ xc, xs, v }: Record<'xc' | 'xs' | 'v', readonly number[]>): number {
  const [canary, stable] = [sum(xc), sum(xs)];
  if (canary === 0 || stable === 0) return 0;
  const pooledMean = (dot(xc, v) + dot(xs, v)) / (canary + stable);
  return dot(
    xc,
    v.map((value) => Math.log(value / pooledMean)),
  );
}

/**
 * Upper end of an interval for the odds ratio: it is below a true ratio of 1 or more with probability at most `beta`,
 * however often one looks.
 * @param input windows, bets below 1, `m` as for `logEWorse`, `precision` of its logarithm
 * @returns the smallest ratio, from 1 on, that is rejected; undefined if none is
 * Source: inversion of the product of `logFactorSafe`, which grows with `wm`.
 */
export function orUpperBound({
  windows,
  grid,
  beta,
  m = 1,
  precision = 1e-12,
}: SafeInput & { beta: number; precision?: number }): number | undefined {
  const isRejected = (logOdds: number) =>
    logESafe({ windows, grid, wm: Math.exp(logOdds), m }) >= -Math.log(beta);
  if (isRejected(0)) return 1;
  let [low, high] = [0, LOG_ODDS_BEYOND_REACH];
  if (!isRejected(high)) return undefined;
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (isRejected(middle)) high = middle;
    else low = middle;
  }
  return Math.exp(high);
}

/** A window with the odds ratio from which on a canary is unsafe in it, at least 1; that of all windows if absent. */
export type SafeWindow = WindowCounts & { wm?: number | undefined };

interface SafeInput {
  windows: readonly SafeWindow[];
  /** Odds ratios below 1, as multiples of `wm`. */
  grid: readonly number[];
  m?: number;
  /** What `logsSafe` was of the windows before these; nothing if absent. */
  before?: Logs | undefined;
}

/** Logarithms, one for each bet; null for a bet that holds nothing, because JSON has no infinity. */
export type Logs = readonly (number | null)[];

/**
 * Log e-value of windows against "in every one of them the canary's odds of a bad request are at least `wm` times the stable
 * version's": under that its mean is at most 1.
 * @param input `wm` >= 1; windows without requests on both sides are not counted
 * Source: mean of products of `logFactorSafe`.
 */
function logESafe(input: SafeInput & { wm: number }): number {
  return logMeanExp(logsSafe(input));
}

/** The logarithms of what the bets of `logESafe` hold after its windows. */
export function logsSafe({ windows, grid, wm, m = 1, before }: SafeInput & { wm: number }): number[] {
  const draws = windows.filter(hasControl).map((window) => drawsSafe(window, window.wm ?? wm));
  return grid.map((r, nth) =>
    draws.reduce(
      (total, window) => total + logFactor(window, r) / m,
      before === undefined ? 0 : (before[nth] ?? Number.NEGATIVE_INFINITY),
    ),
  );
}

/** With up to 1e9 requests a window, no number of windows in a rollout rejects an odds ratio near exp(64), about 6e27. */
const LOG_ODDS_BEYOND_REACH = 64;

/**
 * Lower end of a confidence sequence for the odds ratio: it ever exceeds a true ratio of 1 or more with probability at most alpha.
 * @param input as for `logEWorse`, with `alpha` strictly within 0 and 1; `precision` is that of its logarithm
 * @returns the largest `w0` that is still rejected; 0 if not even 1 is, since the e-value is none below 1
 * Source: inversion of `logEWorse`, which falls as `w0` grows.
 */
export function orLowerBound({
  alpha,
  precision = 1e-12,
  ...input
}: WorseInput & { alpha: number; precision?: number }): number {
  const isRejected = (logOdds: number) => logEWorse({ ...input, w0: Math.exp(logOdds) }) >= -Math.log(alpha);
  if (!isRejected(0)) return 0;
  let [low, high] = [0, LOG_ODDS_BEYOND_REACH];
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (isRejected(middle)) low = middle;
    else high = middle;
  }
  return Math.exp(low);
}

function hasControl({ nc, ns }: WindowCounts): boolean {
  return nc > 0 && ns > 0;
}

function logFactor({ hits, draws, chance }: Draws, r: number): number {
  return draws === 0 ? 0 : hits * Math.log(r) - draws * Math.log1p(chance * (r - 1));
}

/** The parts of a window that are compared each with its own kind; a part without requests on both sides says nothing. */
function strataOf({ young, ...all }: MovedWindow): MovedWindow[] {
  if (young === undefined) return [all];
  const { c, s, nc, ns } = all;
  const old = { c: c - young.c, s: s - young.s, nc: nc - young.nc, ns: ns - young.ns };
  return [old, young].filter(hasControl);
}

/** Bounds the mean of the canary's bad requests from above, as all odds ratios up to `w` allow (`w` >= 1). */
function drawsWorse({ c, s, nc, ns, share }: MovedWindow, w: number): Draws {
  const bad = c + s;
  if (share !== undefined) return { hits: c, draws: bad, chance: (w * share) / (1 - share + w * share) };
  const good = nc - c + (ns - s);
  const byRequests = w * nc + ns;
  const byBad = w * bad + good;
  if (bad <= ns) {
    return drawsOf(c, Math.min(nc, bad), Math.min((bad * (w * nc)) / byRequests, (nc * (w * bad)) / byBad));
  }
  const certainLeftOut = Math.min(
    (ns * ((w - 1) * nc + good)) / byRequests,
    (good * ((w - 1) * bad + ns)) / byBad,
  );
  return drawsOf(ns - s, Math.min(ns, good), certainLeftOut);
}

/** Bounds the mean of the canary's bad requests from below, as all odds ratios from `w` on allow (`w` >= 1). */
function drawsSafe({ c, s, nc, ns }: WindowCounts, w: number): Draws {
  const bad = c + s;
  const good = nc - c + (ns - s);
  if (bad <= ns) return drawsOf(c, Math.min(nc, bad), cornfieldMean(nc, bad, ns - bad, w));
  return drawsOf(ns - s, Math.min(ns, good), cornfieldMean(ns, good, bad - ns, w));
}

function drawsOf(hits: number, draws: number, mean: number): Draws {
  return { hits, draws, chance: draws === 0 ? 0 : mean / draws };
}

/** The x with x (rest + x) = w (row - x) (column - x). The discriminant is written as a sum of terms that are never negative. */
function cornfieldMean(row: number, column: number, rest: number, w: number): number {
  const linear = w * (row + column) + rest;
  const discriminant =
    (w * (row - column)) ** 2 + 2 * w * (row + column) * rest + rest ** 2 + 4 * w * row * column;
  return row === 0 || column === 0 ? 0 : (2 * w * row * column) / (linear + Math.sqrt(discriminant));
}

/** What a stake of 1 gains in a window: the canary's part of the bad requests over its largest expected part, minus 1. */
function betReturn({ c, s, nc, ns, share }: MovedWindow, w0: number): number {
  if (share !== undefined && c + s > 0) return (c * (1 - share + w0 * share)) / ((c + s) * (w0 * share)) - 1;
  return c + s === 0 ? 0 : (c * ns - s * (w0 * nc)) / ((c + s) * (w0 * nc));
}

function logMeanLikelihoodRatio({ c, n, p0, p1 }: AbsoluteInput): number {
  return logMeanExp(p1.map((p) => c * Math.log(p / p0) + (n - c) * (Math.log1p(-p) - Math.log1p(-p0))));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Lists of unequal length give NaN, which is never a wrong bet. */
function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, index) => total + value * (b[index] ?? Number.NaN), 0);
}
