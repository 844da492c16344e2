import {
  capitalWindowBet,
  capitalWorse,
  type Logs,
  logEAbsoluteSafe,
  logEAbsoluteWorse,
  logsSafe,
  type MovedWindow,
  type SafeWindow,
} from './evalue.ts';
import { capitalExact } from './exact.ts';
import { logAddExp, logMeanExp, type RatioCapital, worthOf } from './mixture.ts';
import { guardBets } from './tolerance.ts';
import type { Count } from './types.ts';

/** Probability, over a whole rollout, of reverting a release that is no worse than the watch rules allow. */
export const ALPHA = 0.01;

/** Probability, in each step, of certifying a release that is worse than it may be. */
export const BETA = 0.05;

/** Odds ratio that a certified canary is below, unless its share of bad requests is below the floor. */
export const UNSAFE_ODDS = 2;

/** Share of bad requests that is not held against a release on its own. */
export const FLOOR = 0.005;

/**
 * Share of bad requests below which a service is never in doubt, however rarely it failed before: a doubt costs some minutes beside
 * stable and no release. Assumed.
 */
export const DOUBT_FLOOR = 0.001;

/** The same as `FLOOR` for throttled requests, which their callers send again by themselves (Lambda developer guide, "Asynchronous invocation"; AWS SDKs, "Retry behavior"). Assumed. */
export const THROTTLE_FLOOR = 0.01;

/** The same as `DOUBT_FLOOR` for refused requests: bots that look for what is not there make some at any time. Assumed. */
export const REFUSED_FLOOR = 0.05;

/** Evidence at which a step is not passed although it is not failed: a release within its rule reaches it in at most one rollout of twenty (Ville 1939). */
export const SUSPICIOUS = Math.log(20);

/** Evidence from which on a canary is not called proven: little, since nothing but that word depends on it. */
export const UNLIKE = Math.log(3);

/**
 * Odds ratios of failures that are bet on, as multiples of the tolerated one. Any list is valid; this one lies closest where a
 * comparison takes many minutes. It and HEAD were chosen on other seeds than those of the bench.
 */
export const FAILURE_BETS = [1.5, 2, 3, 4, 6, 12, 40, 200];
/** Odds ratios of slow requests that are bet on; slow requests differ less than failures do. */
export const LATENCY_BETS = [1.1, 1.25, 1.5, 2, 4, 10, 40];

/** Odds ratios of bad counts of the user's own that are bet on; common ones differ by small ratios, rare ones by large ones. */
export const CUSTOM_BETS = [1.1, 1.25, 1.5, 2, 3, 6, 20, 150];

/** Part of the stake that bets on a difference from the first window on: most bad releases are bad at once. */
export const HEAD = 0.7;

/** Shares that are bet on, as multiples of the tolerated one, and the share from which on the bets are on odds. */
const SHARE_BETS = [1.5, 2, 3, 5, 10, 20, 50, 100];
const COMMON = 0.2;

const SAFE_BETS = [0.125, 0.25, 0.375, 0.5, 0.625];
const SAFE_SHARE_BETS = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7];
const STAKES = [0.1, 0.25, 0.5, 0.75, 1];

/** How bad requests come together: `burst` of them may share one cause and one version; if clients stick to a version, more may. */
interface Clustering {
  burst: number;
  isSticky: boolean;
}

/** What a comparison with the stable version is made with. */
export interface Question {
  /** Tolerated odds ratio, at least 1. */
  w0: number;
  /** Planned number of windows, fixed before the start. */
  planned: number;
  bets: readonly number[];
  clustering: Clustering;
  /** Part of the stake that bets on a difference from the first window on; `HEAD` if absent. */
  head?: number | undefined;
  /** True if bad requests may be common, so that the bound of the evidence is far below it. */
  isExact?: boolean | undefined;
}

/** Log evidence that the canary's odds of a bad request are above `w0` times those of stable, in these windows and in those of `before`. */
export function evidenceOfRatio(
  windows: readonly MovedWindow[],
  question: Question,
  before?: RatioCapital,
): number {
  const { compared, careful } = capitalOfRatio(windows, question, before);
  const starts = { T: question.planned, head: question.head ?? HEAD };
  // The smaller of two is valid if either is, and no burst divisor is sure if clients stick to a version.
  return Math.min(...[compared, careful].flatMap((capital) => (capital ? [worthOf(capital, starts)] : [])));
}

/** What the bets hold after these windows, which follow those of `before`. */
export function capitalOfRatio(
  windows: readonly MovedWindow[],
  { w0, planned, bets, clustering, head = HEAD, isExact = false }: Question,
  before?: RatioCapital,
): RatioCapital {
  const starts = { windows, T: planned, head, w0 };
  const compared = (isExact ? capitalExact : capitalWorse)({
    ...{ ...starts, grid: bets, m: clustering.burst },
    before: before?.compared,
  });
  return clustering.isSticky
    ? { compared, careful: capitalWindowBet({ ...starts, U: STAKES, before: before?.careful }) }
    : { compared };
}

/** Log evidence that more than `share` of the canary's requests are bad. It has no control, so a common outage counts. */
export function evidenceOfShare({ bad, total }: Count, share: number, { burst }: Clustering): number {
  // Beyond a share of none or of all nothing can be bet on.
  if (total === 0 || !(share > 0 && share < 1)) return 0;
  const p1 = share < COMMON ? SHARE_BETS.map((times) => Math.min(0.999, share * times)) : guardBets(share);
  return logEAbsoluteWorse({ c: bad, n: total, p0: share, p1 }) / burst;
}

/** What bets on a safe canary hold after these windows, which follow those of `before`: logarithms, one for each bet. */
export function logsOfSafety(
  windows: readonly SafeWindow[],
  { unsafe, clustering }: { unsafe: number; clustering: Clustering },
  before?: Logs,
): number[] {
  return logsSafe({ windows, grid: SAFE_BETS, wm: unsafe, m: clustering.burst, before });
}

/**
 * Log evidence that a canary is safe: its odds are below an unsafe ratio to those of stable, as `logs` of `logsOfSafety` say,
 * or its share of bad requests is below the floor.
 */
export function evidenceOfSafety(
  canary: Count,
  { logs, floor, clustering }: { logs: readonly number[]; floor: number; clustering: Clustering },
): number {
  return logAddExp(logMeanExp(logs), safeShare(canary, floor, clustering)) - Math.LN2;
}

/** Log evidence that fewer than `share` of the canary's requests are bad. */
export function safeShare({ bad, total }: Count, share: number, { burst }: Clustering): number {
  const p1 = SAFE_SHARE_BETS.map((factor) => share * factor);
  return logEAbsoluteSafe({ c: bad, n: total, p0: share, p1 }) / burst;
}

/** The mean of e-values by their logarithms, with weights that add up to 1. */
export function combined(parts: readonly { weight: number; evidence: number }[]): number {
  return parts.reduce(
    (total, { weight, evidence }) => logAddExp(total, Math.log(weight) + evidence),
    Number.NEGATIVE_INFINITY,
  );
}

/** Bets of the upper end of the odds interval. */
export const INTERVAL_BETS = SAFE_BETS;
