import { type Instant, WINDOW_MS } from '../units.ts';
import { FLOOR } from './evidence.ts';
import { logMeanExp } from './mixture.ts';
import { knownWindows } from './settled.ts';
import { PAST_MS } from './silence.ts';
import { withOdds } from './tolerance.ts';
import type { Count, FailurePast, ReadWindow, Window } from './types.ts';
import { minutesOf, sum } from './windows.ts';

/** Lengths, in minutes in a row, whose share of bad requests is compared with what the past showed. */
export const DOUBT_MINUTES = [1, 3, 10] as const;

/** Part of the past's stretches that may have been worse than what counts as usual; it is counted with the present stretch among them. Assumed. */
const USUAL = 0.75;

/** Standard deviations by which a share is lowered before it counts as it stands: an outage is shown, and single bad requests are not. Assumed. */
const SHRUNK_DEVIATIONS = 2.5;

/** How alike requests of one minute can be at the least, so that the strength of the mean stays a number. */
const ALIKE_LEAST = 1e-9;

/** Shares that are bet on, as multiples of the bound. */
const BETS = [1.5, 2, 3, 5, 10, 20, 50, 100];

/** How often in a stretch as long as planned, at most, chance alone passes a bound: once in so many. */
const ONCE_IN = 20;

/** Minutes in a row that must each be beyond everything the past showed, and the chance of one of them in a whole stretch. Assumed. */
const OUTAGE_MINUTES = 6;
const OUTAGE_CHANCE = 0.01;

/** What is usual of a target of which nothing is known: that no request is bad. */
export const NO_FAILURE_PAST: FailurePast = { mean: 0, strength: 0, worst: [0, 0, 0], ever: 0 };

/**
 * What the day before `to` says of how badly a target fails by itself. A minute without data had no request; one of which nothing is
 * known, or of which the counts cannot be used, is left out, as are minutes after `to`.
 * @param read counts of the target as a whole, as those of stable; `verifyMinutes` is the length of the stretches it is cut into
 */
export function failurePastOf(
  read: readonly ReadWindow[] | undefined,
  { to, verifyMinutes }: { to: Instant; verifyMinutes: number },
): FailurePast {
  const minutes = minutesBefore(read, to);
  const { mean, alike } = spreadOf(minutes.filter((minute) => minute !== undefined));
  const shrinking = { mean, strength: 1 / alike - 1 };
  const usual = (length: number, part: number) => {
    const block = Math.max(1, Math.ceil(verifyMinutes), length);
    return usualWorst(minutes, { ...shrinking, length, block, part });
  };
  return {
    ...{ ...shrinking, worst: DOUBT_MINUTES.map((length) => usual(length, USUAL)), ever: usual(1, 1) },
    ...typicalOf(minutes, Math.max(1, Math.ceil(verifyMinutes))),
  };
}

/** Which part of a stretch's minutes is looked at, the best ones first: an outage or a batch job takes a few of them. Assumed. */
export const TYPICAL_PARTS = [1, 2 / 3] as const;

/** The median shares of the stretches of `block` minutes that had requests, cut from the newest minute back, for each of `TYPICAL_PARTS`. */
function typicalOf(minutes: readonly (Count | undefined)[], block: number): Pick<FailurePast, 'typical'> {
  const stretches: Count[][] = [];
  for (let end = minutes.length; end > 0; end -= block) {
    const known = minutes.slice(Math.max(0, end - block), end).filter((minute) => minute !== undefined);
    if (known.length > 0) stretches.push(known);
  }
  if (stretches.length === 0) return {};
  const middle = Math.floor(stretches.length / 2);
  return {
    typical: TYPICAL_PARTS.map((part) => {
      const shares = stretches.map((stretch) => shareIn(bestOf(stretch, part))).sort((a, b) => a - b);
      return shares[middle] ?? 0;
    }),
  };
}

const shareIn = ({ bad, total }: Count) => bad / total;

/** The counts of the best minutes among these, so large a part of them. */
export const bestOf = (minutes: readonly Count[], part: number): Count => sum(bestMinutes(minutes, part));

function bestMinutes(minutes: readonly Count[], part: number): Count[] {
  const known = minutes.filter(({ total }) => total > 0).sort((a, b) => shareIn(a) - shareIn(b));
  return known.slice(0, Math.max(1, Math.ceil(part * known.length)));
}

/** The counts of each minute of the day before `to`, oldest first, from the first one that is known; undefined for one without requests. */
function minutesBefore(read: readonly ReadWindow[] | undefined, to: Instant): (Count | undefined)[] {
  const from = to - PAST_MS;
  const known = knownWindows(read).filter(({ start }) => start >= from);
  const [first] = known;
  if (first === undefined) return [];
  const minutes = Array.from<Count | undefined>({ length: Math.floor((to - first.start) / WINDOW_MS) });
  for (const { start, stable } of known) {
    const nth = (start - first.start) / WINDOW_MS;
    if (nth < minutes.length) minutes[nth] = someOf(stable);
  }
  return minutes;
}

const someOf = (count: Count | undefined) => (count === undefined || count.total === 0 ? undefined : count);

/**
 * The share of bad requests of all minutes, and how much more alike the requests of one minute are than those of two (0 to 1).
 * Source: moments of a beta-binomial, on the upper side of their own error: few or calm minutes shrink a share less than they might.
 */
export function spreadOf(minutes: readonly Count[]): { mean: number; alike: number } {
  if (minutes.length === 0) return { mean: 0, alike: 1 };
  const all = minutes.reduce((sum, { total }) => sum + total, 0);
  const mean = (minutes.reduce((sum, { bad }) => sum + bad, 0) + 0.5) / (all + 1);
  const variance = mean * (1 - mean);
  const pairs = minutes.reduce((sum, { total }) => sum + total * (total - 1), 0);
  const squares = minutes.reduce((sum, { bad, total }) => sum + (bad - total * mean) ** 2, 0);
  const upper = squares - all * variance + 2 * all * variance * Math.sqrt(2 / minutes.length);
  return {
    mean,
    alike: pairs > 0 ? Math.min(1, Math.max(ALIKE_LEAST, upper / (variance * pairs))) : 1,
  };
}

type Shrinking = Pick<FailurePast, 'mean' | 'strength'>;

/**
 * The worst share of `length` minutes in a row that a stretch of `block` minutes usually has: the quantile `part` of the stretches'
 * worst ones, or the largest if they are too few. Stretches are cut from the newest minute back; those without a request say nothing.
 */
export function usualWorst(
  minutes: readonly (Count | undefined)[],
  { length, block, part, ...shrinking }: Shrinking & { length: number; block: number; part: number },
): number {
  const blocks = worstOfEach(minutes, { ...shrinking, length, block }).sort((a, b) => a - b);
  return blocks[Math.ceil(part * (blocks.length + 1)) - 1] ?? blocks.at(-1) ?? 0;
}

/** The worst share of each stretch that had requests, newest first. */
function worstOfEach(
  minutes: readonly (Count | undefined)[],
  { length, block, ...shrinking }: Shrinking & { length: number; block: number },
): number[] {
  const blocks: number[] = [];
  for (let end = minutes.length; end > 0; end -= block) {
    const isWhole = end >= block;
    if (!isWhole && blocks.length > 0) break;
    const worst = worstOf(minutes.slice(Math.max(0, end - block), end), length, shrinking);
    if (worst !== undefined) blocks.push(worst);
  }
  return blocks;
}

/**
 * In how many stretches as long as verify of the day before `to` a minute failed by more than `share` (0 to 1): how often a
 * rollout of this target meets an outage of its own.
 */
export function outagesOf(
  read: readonly ReadWindow[] | undefined,
  { to, verifyMinutes, share }: { to: Instant; verifyMinutes: number; share: number },
): { stretches: number; hit: number } {
  const minutes = minutesBefore(read, to);
  const { mean, alike } = spreadOf(minutes.filter((minute) => minute !== undefined));
  const block = Math.max(1, Math.ceil(verifyMinutes));
  const worst = worstOfEach(minutes, { mean, strength: 1 / alike - 1, length: 1, block });
  return { stretches: worst.length, hit: worst.filter((each) => each > share).length };
}

/** The worst share of so many minutes in a row; undefined if there are fewer, or if no request came in them. */
function worstOf(
  minutes: readonly (Count | undefined)[],
  length: number,
  shrinking: Shrinking,
): number | undefined {
  let worst: number | undefined;
  const run = { bad: 0, total: 0 };
  for (let at = 0; at < minutes.length; at++) {
    const [minute, left] = [minutes[at], minutes[at - length]];
    run.bad += (minute?.bad ?? 0) - (left?.bad ?? 0);
    run.total += (minute?.total ?? 0) - (left?.total ?? 0);
    if (at + 1 < length || run.total === 0) continue;
    worst = Math.max(worst ?? 0, shareOf(run, shrinking));
  }
  return worst;
}

/** A share of bad requests that chance alone does not make: drawn towards the mean as far as the minutes were alike, or clearly beyond chance as it stands. */
function shareOf({ bad, total }: Count, { mean, strength }: Shrinking): number {
  const drawn = (bad + strength * mean) / (total + strength);
  return Math.max(mean, drawn, (bad - SHRUNK_DEVIATIONS * Math.sqrt(bad + 1)) / total);
}

/**
 * The worst shares that stable showed in this rollout, for each of `DOUBT_MINUTES`: weather, since it was the control. A run of
 * minutes in which the canary alone had requests shows nothing of it.
 * @param windows since the first raise, oldest first
 * @param before what this said of earlier minutes, if they are not among these
 */
export function ownWorstOf(
  past: FailurePast,
  windows: readonly Window[],
  before: readonly number[] = [],
): number[] {
  // Minutes that are kept as a sum were seen one by one before.
  const known = windows.filter((window) => minutesOf([window]) === 1);
  const runs: (Count | undefined)[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const { start, canary, stable } of known) {
    const count = someOf(stable);
    if (count === undefined && someOf(canary) !== undefined) {
      end = Number.NEGATIVE_INFINITY;
      continue;
    }
    const gap = (start - end) / WINDOW_MS;
    const run = runs.at(-1);
    if (run === undefined || gap > DOUBT_MINUTES[2]) runs.push([count]);
    else run.push(...Array.from({ length: gap }, () => undefined), count);
    end = start + WINDOW_MS;
  }
  return DOUBT_MINUTES.map((length, nth) =>
    Math.max(before[nth] ?? 0, ...runs.map((run) => worstOf(run, length, past) ?? 0)),
  );
}

/** What is tolerated beyond the usual: `ratio` in odds, and a share that is never in doubt. */
interface Tolerated {
  /** Odds ratio, at least 1. */
  ratio: number;
  /** The odds ratio at a share of bad requests, if it is not the same at all. */
  oddsAt?: ((share: number) => number) | undefined;
  /** Share of bad requests, 0 to 1. */
  floor?: number | undefined;
}

/** The share of bad requests above which each of `DOUBT_MINUTES` is in doubt; in odds, so that none passes 1. */
export function boundsOf(past: FailurePast, own: readonly number[], tolerated: Tolerated): number[] {
  return DOUBT_MINUTES.map((_, nth) => boundOf(Math.max(past.worst[nth] ?? 0, own[nth] ?? 0), tolerated));
}

/** The share whose odds are `ratio` times those of the worst usual one, and at least the floor. */
export function boundOf(worst: number, { ratio, oddsAt, floor = FLOOR }: Tolerated): number {
  return Math.max(floor, withOdds(worst, oddsAt?.(worst) ?? ratio));
}

/**
 * Log e-value against "each request is bad with probability at most `bound`": under that its mean is at most 1.
 * Source: mean of likelihood ratios of larger shares, with the moment generating function of a binomial in place of its likelihood; Ville 1939.
 */
export function logBeyond({ bad, total }: Count, bound: number): number {
  const shares = BETS.filter((bet) => bet * bound <= 1);
  // Where no multiple of it is a share, each bet is one on the odds, which the same formula is.
  const bets = shares.length === 0 ? BETS : shares;
  return logMeanExp(bets.map((bet) => bad * Math.log(bet) - total * Math.log1p(bound * (bet - 1))));
}

/** Evidence from which on minutes are in doubt, so that chance leads to doubt at most once in 20 stretches of this length: natural logarithm. */
export const doubtAt = (verifyMinutes: number): number =>
  Math.log(ONCE_IN * DOUBT_MINUTES.length * Math.max(1, verifyMinutes));

/** Minutes in which more requests were bad than the past explains. */
export interface Doubt {
  /** How many in a row. */
  minutes: number;
  /** How many of them, the best ones, the counts are of, if not all. */
  best?: number | undefined;
  /** The end of the last of them. */
  to: Instant;
  bad: number;
  total: number;
  /** The share that the past explains, 0 to 1. */
  bound: number;
  /** Natural logarithm of the evidence. */
  evidence: number;
}

/** Which minutes are asked about. */
interface DoubtAsked {
  /** When traffic moved last; its own minute counts. */
  since: Instant;
  /** The end of the newest settled minute. */
  to: Instant;
  verifyMinutes: number;
  /** Which of `DOUBT_MINUTES`; all of them if absent. */
  lengths?: readonly number[] | undefined;
  /** How many bad requests one event may make, since it is tried again; 1 if absent. */
  burst?: number | undefined;
  /** In how many of the newest minutes doubt may end; 1 if absent. More are asked about if looks were missed. */
  newest?: number | undefined;
}

/**
 * The clearest doubt about a target by its own past: both versions together failed more than the past explains. It says that something is
 * wrong, and not who is to blame. Undefined if nothing is in doubt; minutes of which nothing is known count for nothing.
 */
export function doubtOf(
  windows: readonly Window[],
  bounds: readonly number[],
  { since, to, verifyMinutes, burst = 1, lengths = DOUBT_MINUTES, newest = 1 }: DoubtAsked,
): Doubt | undefined {
  const from = Math.floor(since / WINDOW_MS) * WINDOW_MS;
  const known = windows.filter(({ start }) => start >= from);
  const runs = DOUBT_MINUTES.flatMap((minutes, nth) =>
    Array.from({ length: lengths.includes(minutes) ? newest : 0 }, (_, back) => {
      const end = to - back * WINDOW_MS;
      return { minutes, to: end, bound: bounds[nth] ?? 1 };
    }),
  );
  const doubts = runs.flatMap(({ minutes, to: end, bound }): Doubt[] => {
    const begin = end - minutes * WINDOW_MS;
    if (!(begin >= from)) return [];
    const run = together(known.filter(({ start }) => start >= begin && start < end));
    const evidence = logBeyond(run, bound) / burst;
    return evidence < doubtAt(verifyMinutes) ? [] : [{ minutes, to: end, ...run, bound, evidence }];
  });
  return doubts.sort((a, b) => b.evidence - a.evidence)[0];
}

/** Share of a minute's requests from which on it is an outage, if the day before does not explain it; load that rises makes less. Assumed. */
export const OUTAGE_LEAST = 0.15;

/**
 * The windows without the minutes of outages that stable met: minutes in a row that failed as the day before does not explain, in one
 * of which stable surely did. Verify waits for their end, so that what is judged afterwards met none of them, and is not excused by them.
 */
export function outsideOutages(
  past: FailurePast,
  windows: readonly Window[],
  { ratio, verifyMinutes, burst = 1 }: Pick<DoubtAsked, 'verifyMinutes' | 'burst'> & { ratio: number },
): Window[] {
  const [bound = 1] = boundsOf(past, [], { ratio, floor: OUTAGE_LEAST });
  const isOut = (count: Count | undefined) =>
    count !== undefined && logBeyond(count, bound) / burst >= doubtAt(verifyMinutes);
  const runs: Window[][] = [];
  for (const window of windows) {
    if (minutesOf([window]) > 1 || !isOut(together([window]))) continue;
    const last = runs.at(-1);
    if (last?.at(-1)?.start === window.start - WINDOW_MS) last.push(window);
    else runs.push([window]);
  }
  const met = new Set(runs.filter((run) => run.some(({ stable }) => isOut(stable))).flat());
  return windows.filter((window) => !met.has(window));
}

/** True if stable is likelier to fail as often as the canary than as its target usually does: then both met the same. */
export function isShared(canary: Count, stable: Count, typical: number): boolean {
  const [as, usual] = [canary.bad / canary.total, Math.max(typical, LEAST_SHARE)];
  return stable.bad * Math.log(as / usual) > stable.total * (as - usual);
}

/** What is usual of a target that never fails, so that its logarithm stays a number. */
const LEAST_SHARE = 1e-6;

/**
 * Fewest minutes of which the best are taken for all: a recall leaves three to be judged anew. Of few minutes fewer are taken, since an
 * outage that comes with a move fills most of them. Assumed.
 */
const STEADY_MINUTES = 3;
const FEW_MINUTES = 6;
const FEW_PART = 1 / 3;

/** Newest minutes of stable that say what goes on now, since a level that rises is higher at the end than on the whole. Assumed. */
const LATELY = 10;

/**
 * Doubt about harm that is small and steady, which outages and batch jobs hide if each minute is asked by itself: the best two thirds of
 * the minutes since the last move failed more than those of half of the stretches of the day before, and of stable in this rollout, do.
 * Not asked of fewer minutes than `fewest`.
 */
export function steadyDoubtOf(
  { typical }: FailurePast,
  windows: readonly Window[],
  {
    since,
    to,
    verifyMinutes,
    burst = 1,
    fewest = STEADY_MINUTES,
    ...tolerated
  }: Omit<DoubtAsked, 'lengths' | 'newest'> & Tolerated & { fewest?: number | undefined },
): Doubt | undefined {
  const [, best] = TYPICAL_PARTS;
  const usual = typical?.[TYPICAL_PARTS.indexOf(best)];
  const from = Math.floor(since / WINDOW_MS) * WINDOW_MS;
  const known = windows.filter((window) => minutesOf([window]) === 1);
  const present = known.filter(({ start }) => start >= from && start < to);
  if (usual === undefined || present.length < fewest) return undefined;
  const own = known.flatMap(({ stable }) => (stable === undefined || stable.total === 0 ? [] : [stable]));
  const shown = [own, own.slice(-LATELY)].map((minutes) =>
    minutes.length === 0 ? 0 : shareIn(bestOf(minutes, best)),
  );
  const bound = boundOf(Math.max(usual, ...shown), tolerated);
  const part = present.length < FEW_MINUTES ? FEW_PART : best;
  const minutes = bestMinutes(
    present.map((window) => together([window])),
    part,
  );
  const run = sum(minutes);
  // In the minute of a move to 100 % stable had its last few requests, which are no control of the minutes after it.
  const beside = present.filter(({ start }) => start >= since);
  const [canary, stable] = (['canary', 'stable'] as const).map((side) =>
    bestOf(
      beside.flatMap((window) => window[side] ?? []),
      part,
    ),
  ) as [Count, Count];
  const evidence = logBeyond(run, bound) / burst;
  return evidence < doubtAt(verifyMinutes) || isShared(canary, stable, usual)
    ? undefined
    : { minutes: present.length, best: minutes.length, to, ...run, bound, evidence };
}

/**
 * True if each of the newest six minutes since the last move was surely worse than any minute that the past or stable in this rollout
 * showed. It is calibrated and not promised, for rollouts in which no control can be had.
 */
export function isOutage(
  past: FailurePast,
  own: readonly number[],
  windows: readonly Window[],
  { since, to, verifyMinutes, burst = 1, ...tolerated }: Omit<DoubtAsked, 'lengths' | 'newest'> & Tolerated,
): boolean {
  const from = Math.floor(since / WINDOW_MS) * WINDOW_MS;
  const bound = boundOf(Math.max(past.ever, own[0] ?? 0), tolerated);
  const required = Math.log(Math.max(1, verifyMinutes) / OUTAGE_CHANCE);
  if (to - OUTAGE_MINUTES * WINDOW_MS < from) return false;
  const known = new Map(windows.map((window) => [window.start, window] as const));
  return Array.from({ length: OUTAGE_MINUTES }, (_, back) => known.get(to - (back + 1) * WINDOW_MS)).every(
    (window) => window !== undefined && logBeyond(together([window]), bound) / burst >= required,
  );
}

function together(windows: readonly Window[]): Count {
  const counts = windows.flatMap(({ canary, stable }) => [canary, stable]);
  return {
    bad: counts.reduce((sum, count) => sum + (count?.bad ?? 0), 0),
    total: counts.reduce((sum, count) => sum + (count?.total ?? 0), 0),
  };
}
