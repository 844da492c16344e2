import { logFactorTilt } from './evalue.ts';
import { factorsOf } from './exact.ts';
import { LATENCY_EDGES } from './histogram.ts';
import { isYoung } from './latency.ts';
import { capitalAfter, logAddExp, type SlownessCapital, worthOf } from './mixture.ts';
import type { Course } from './trial.ts';
import type { Spread, SpreadWindow } from './types.ts';
import { isAlone } from './windows.ts';

/** Requests of stable's history that a cell of the comparison holds at least, so that its rank is more than luck. */
const CELL_MIN = 5;

/** Octaves beyond which a tail is not asked for: this many that none of stable's history took longer than. */
const UNSEEN_TAILS = 3;

/** Largest part of stable's history over an edge that is a tail of it: what nearly all cross says little of the slow ones. */
const TAIL_MAX = 0.9;

/**
 * Shortest duration whose crossing is a tail, in ms. Below it stand calls whose code is not compiled yet, of which a thinly used canary
 * has more than stable; all durations together are compared whatever their length. A judgement.
 */
export const TAIL_MIN_MS = 4;

/**
 * What is tolerated, in edges of `LATENCY_EDGES`: stable is counted over edge `offset` of an octave, 0 or 1, and the canary over one that
 * is `later`, which is `ratio` times as long. Both are counts of whole requests, because nothing is known between two edges.
 */
interface Tolerance {
  offset: 0 | 1;
  later: number;
  ratio: number;
}

const edge = (at: number) => LATENCY_EDGES[at] ?? Number.POSITIVE_INFINITY;

/** All that can be told apart, the least first: 1.25, 1.6, 2, 2.5, 3.2, 4 times as long and so on. */
const TOLERANCES: readonly Tolerance[] = LATENCY_EDGES.slice(1)
  .flatMap((_, at) =>
    ([0, 1] as const).map((offset) => ({
      offset,
      later: at + 1,
      ratio: edge(offset + at + 1) / edge(offset),
    })),
  )
  .filter(({ ratio }) => Number.isFinite(ratio))
  .sort((a, b) => a.ratio - b.ratio || a.offset - b.offset);

/** The least tolerance that is no less than a ratio. */
export function toleranceOf(ratio: number): Tolerance {
  const found = TOLERANCES.find((each) => each.ratio >= ratio * (1 - 1e-9)) ?? TOLERANCES.at(-1);
  if (found === undefined) throw new Error('No tolerance is known.');
  return found;
}

/** What is tolerated of a canary that so few environments serve that their own luck may be what is seen. */
const FEW_RATIO = 1.6;

/**
 * Where both versions are compared, by octave: `cells` cut all requests into parts that stable's history filled, `ranks` are the parts
 * of that history (0 to 1) up to the middle of each, one more than there are cells; `tails` are the octaves whose crossing is slow.
 */
interface Pairs {
  cells: readonly number[];
  ranks: readonly number[];
  tails: readonly number[];
}

/** From what stable did before the first raise. `most` is the largest part of it over an edge that is a tail. */
export function pairsFrom(history: Spread, { offset = 0, most = TAIL_MAX } = {}): Pairs {
  const { total, over } = history;
  const pairs = { cells: [] as number[], ranks: [] as number[], tails: [] as number[] };
  let [left, unseen] = [total, 0];
  for (let octave = 0; 2 * octave + offset < over.length; octave++) {
    const count = over[2 * octave + offset] ?? 0;
    if (total > 0 && count / total <= most && unseen < UNSEEN_TAILS) {
      pairs.tails.push(octave);
      if (count === 0) unseen++;
    }
    if (!(left - count >= CELL_MIN && count >= CELL_MIN)) continue;
    pairs.cells.push(octave);
    pairs.ranks.push(1 - (left + count) / 2 / total);
    left = count;
  }
  if (total > 0) pairs.ranks.push(1 - left / 2 / total);
  return pairs;
}

/** What all durations of a target are compared by: as the rule tolerates it, and while few environments serve the canary. */
export interface Comparison {
  usual: Side;
  few: Side;
  /** Octaves of the tails, the same in both. */
  tails: readonly number[];
}
interface Side {
  tolerance: Tolerance;
  /** Without cells the tails alone are compared. */
  cells: readonly number[];
  ranks: readonly number[];
}

/**
 * The comparison that a rule asks for.
 * @param percentile for a rule about slow requests alone: then only tails are compared, those that at most twice as many of stable's
 * requests cross as the percentile leaves, since the edges are an octave apart
 * @param shortest shortest duration whose crossing is a tail, in ms
 */
export function comparisonFrom(
  history: Spread,
  {
    ratio,
    percentile,
    shortest = 0,
  }: { ratio: number; percentile?: number | undefined; shortest?: number | undefined },
): Comparison {
  const side = (of: number): Side => {
    const tolerance = toleranceOf(of);
    const { cells, ranks } = pairsFrom(history, tolerance);
    return percentile === undefined ? { tolerance, cells, ranks } : { tolerance, cells: [], ranks: [] };
  };
  const most = percentile === undefined ? TAIL_MAX : Math.min(TAIL_MAX, (2 * (100 - percentile)) / 100);
  const { offset } = toleranceOf(ratio);
  return {
    ...{ usual: side(ratio), few: side(Math.max(ratio, FEW_RATIO)) },
    tails: longOf(pairsFrom(history, { offset, most }).tails, { offset, shortest }),
  };
}

/** The tails that are long enough, or the longest one. */
function longOf(
  tails: readonly number[],
  { offset, shortest }: { offset: number; shortest: number },
): readonly number[] {
  const long = tails.filter((octave) => edge(2 * octave + offset) >= shortest);
  return long.length > 0 ? long : tails.slice(-1);
}

/** A bet on a slower canary: the logarithm of how much likelier a duration of this rank gets; it never falls. */
type Bet = (rank: number) => number;

/**
 * All requests are slower by a factor: so many standard deviations of the logarithm of a duration. With log-normal durations this
 * is the likelihood ratio itself. Source of the normal score of a rank: Tukey's lambda distribution at 0.14.
 */
const slower =
  (deviations: number): Bet =>
  (rank) =>
    (deviations * (rank ** 0.14 - (1 - rank) ** 0.14)) / 0.1975;

/** What is bet on about all requests, three quarters of it on a release half as slow again: it is the one that takes long to see. */
const HALF_AGAIN = slower(0.3);
const BETS: readonly Bet[] = [HALF_AGAIN, HALF_AGAIN, HALF_AGAIN, slower(1)];

/** Odds ratios of crossing an edge of the tail that are bet on, as multiples of the tolerated one. */
const TAIL_BETS = [1.25, 1.5, 2, 4, 10, 40, 200];

/** Tolerated odds ratio in the tails, besides the tolerated slowdown: what waits for others may do so a little more often. A judgement. */
const TAIL_ODDS = 1.1;

/** Part of the stake that bets from the first window on: slow code is slow from its first request. */
const HEAD_SLOW = 0.9;

/** What a comparison of durations is made with: planned windows, requests that share one cause, and the part of the stake that bets from the first window on. */
interface SlownessQuestion {
  planned: number;
  burst: number;
  head?: number | undefined;
}

/**
 * Log evidence that the canary's durations, divided by what is tolerated, are longer than those of stable: half of it by the whole
 * spread, half by its tail, edge by edge.
 * @param windows those that can be believed, with requests on both sides; `burst` as for the failures
 * Source: under "not longer" a canary request can be swapped with one of stable, or is shorter; each bet on the spread is a
 * `logFactorTilt` that no window lets fall if a canary request takes longer, because its span is kept within the canary's part of
 * the requests; each bet on the tail is a `logFactorExact` of `exact.ts`. A mean of e-values is one.
 */
export function evidenceOfSlowness(
  windows: readonly SpreadWindow[],
  comparison: Comparison,
  question: SlownessQuestion,
  before?: SlownessCapital,
): number {
  const { planned, head = HEAD_SLOW } = question;
  const starts = { T: planned, head };
  const { shift, tails } = capitalOfSlowness(windows, comparison, question, before);
  const tail = worthOf(tails, starts);
  return shift === undefined ? tail : logAddExp(worthOf(shift, starts), tail) - Math.LN2;
}

/** What the bets of `evidenceOfSlowness` hold after these windows, which follow those of `before`. */
export function capitalOfSlowness(
  windows: readonly SpreadWindow[],
  comparison: Comparison,
  { planned, burst, head = HEAD_SLOW }: SlownessQuestion,
  before?: SlownessCapital,
): SlownessCapital {
  const starts = { T: planned, head };
  const counted = windows.flatMap(({ canary, stable, isFew }) =>
    canary?.total && stable?.total
      ? [{ canary, stable, side: isFew ? comparison.few : comparison.usual }]
      : [],
  );
  const bets = comparison.tails.flatMap((octave) => TAIL_BETS.map((r) => ({ octave, r })));
  const tails = capitalAfter(
    counted.map((window) => new Map(comparison.tails.map((octave) => [octave, tailFactors(window, octave)]))),
    bets,
    starts,
    (factors, { octave, r }) => (factors.get(octave)?.(r) ?? 0) / burst,
    before?.tails,
  );
  if (comparison.usual.cells.length === 0) return { tails };
  const shift = capitalAfter(
    counted.map(inCells),
    BETS,
    starts,
    ({ xc, xs, span, ranks }, bet) =>
      logFactorTilt({ xc, xs, v: within(ranks.map(bet), span).map(Math.exp) }) / burst,
    before?.shift,
  );
  return { shift, tails };
}

interface Counted {
  canary: Spread;
  stable: Spread;
  side: Side;
}

/** The log factor of each bet on one edge of the tail; undefined if the ladder does not have that edge, which says nothing then. */
function tailFactors({ canary, stable, side }: Counted, octave: number): ((r: number) => number) | undefined {
  const { offset, later } = side.tolerance;
  const [s, c] = [stable.over[2 * octave + offset], canary.over[2 * octave + offset + later]];
  if (s === undefined || c === undefined) return undefined;
  return factorsOf({ c, s, nc: canary.total, ns: stable.total }, TAIL_ODDS);
}

function inCells({ canary, stable, side }: Counted) {
  const { tolerance, cells, ranks } = side;
  const parts = ({ total, over }: Spread, at: number) => {
    const ends = [total, ...cells.map((octave) => over[2 * octave + at] ?? 0), 0];
    return ends.slice(1).map((count, nth) => (ends[nth] ?? 0) - count);
  };
  return {
    xc: parts(canary, tolerance.offset + tolerance.later),
    xs: parts(stable, tolerance.offset),
    span: Math.log1p(stable.total / canary.total),
    ranks,
  };
}

/** Keeps the middle of a bet and cuts off what is beyond the span. */
function within(logs: readonly number[], span: number): number[] {
  const [least = 0, most = 0] = [logs[0], logs.at(-1)];
  if (most - least <= span) return [...logs];
  const low = Math.min(Math.max(least, -span / 2), most - span);
  return logs.map((log) => Math.min(low + span, Math.max(low, log)));
}

/** Windows of which the evidence can be taken: after the first raise, with a control, and not the first minute after a move. */
export function slownessWindows(trial: Course, spreads: readonly SpreadWindow[]): SpreadWindow[] {
  const first = trial.moves[0] ?? Number.POSITIVE_INFINITY;
  return spreads.filter(
    (window) => window.start >= first && !isAlone(trial, window) && !isYoung(trial, window.start),
  );
}
