import { logFactorTilt } from './evalue.ts';
import { isYoung, overEdge } from './latency.ts';
import { type Capital, capitalAfter, worthOf } from './mixture.ts';
import type { Course } from './trial.ts';
import type { Spread, SpreadWindow } from './types.ts';
import { isAlone } from './windows.ts';

/** Requests of stable's history that a cell of the comparison holds at least, so that its rank is more than luck. */
const CELL_MIN = 5;

/**
 * The durations of both versions cut into cells: cell `i` ends at `stable[i]` for stable and at `canary[i]`, which is later by
 * the tolerated ratio, for the canary. `ranks` are the parts of stable's own history (0 to 1) up to the middle of each cell;
 * there is one cell more than there are edges.
 */
export interface Cells {
  stable: readonly number[];
  canary: readonly number[];
  ranks: readonly number[];
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

/** Some requests are slow, as many times as often as before beyond this rank. */
const slowTail =
  (from: number, times: number): Bet =>
  (rank) =>
    rank > from ? Math.log(times) : 0;

/**
 * What is bet on, three fifths of it on a release half as slow again: it is the one that takes long to see. Any list is valid;
 * this one and HEAD_SLOW were chosen on other seeds than those of the bench.
 */
const HALF_AGAIN = slower(0.3);
const BETS: readonly Bet[] = [HALF_AGAIN, HALF_AGAIN, HALF_AGAIN, slower(1), slowTail(0.98, 8)];

/** Part of the stake that bets from the first window on: slow code is slow from its first request. */
const HEAD_SLOW = 0.9;

/** Cells from what stable did before the first raise, as `historyOf` has it; undefined if that is too little to cut it at all. */
export function cellsFrom(known: readonly Spread[], ratio: number): Cells | undefined {
  const edges = known[0]?.edges ?? [];
  const total = known.reduce((sum, spread) => sum + spread.total, 0);
  const cells = { stable: [] as number[], canary: [] as number[], ranks: [] as number[] };
  let left = total;
  for (const edge of edges) {
    const over = known.reduce((sum, spread) => sum + overEdge(spread, edge), 0);
    const later = edges.find((each) => each >= edge * ratio * (1 - 1e-9));
    if (later === undefined || !(left - over >= CELL_MIN && over >= CELL_MIN)) continue;
    cells.stable.push(edge);
    cells.canary.push(later);
    cells.ranks.push(1 - (left + over) / 2 / total);
    left = over;
  }
  if (cells.stable.length === 0) return undefined;
  return { ...cells, ranks: [...cells.ranks, 1 - left / 2 / total] };
}

/** What a comparison of durations is made with: planned windows, requests that share one cause, and the part of the stake that bets from the first window on. */
interface SlowdownQuestion {
  planned: number;
  burst: number;
  head?: number | undefined;
}

/**
 * Log evidence that the canary's durations, divided by the tolerated ratio, are longer than those of stable.
 * @param windows those that can be believed, with requests on both sides; `burst` as for the failures
 * Source: under "not longer" a canary request can be swapped with one of stable, or is shorter; each bet is a `logFactorTilt` that
 * no window lets fall if a canary request takes longer, because its span is kept within the canary's part of the requests.
 */
export function evidenceOfSlowdown(
  windows: readonly SpreadWindow[],
  cells: Cells,
  question: SlowdownQuestion,
  before?: Capital,
): number {
  const { planned, head = HEAD_SLOW } = question;
  return worthOf(capitalOfSlowdown(windows, cells, question, before), { T: planned, head });
}

/** What the bets of `evidenceOfSlowdown` hold after these windows, which follow those of `before`. */
export function capitalOfSlowdown(
  windows: readonly SpreadWindow[],
  cells: Cells,
  { planned, burst, head = HEAD_SLOW }: SlowdownQuestion,
  before?: Capital,
): Capital {
  const counts = windows.flatMap(({ canary, stable }) => {
    if (!canary?.total || !stable?.total) return [];
    const xc = inCells(canary, cells.canary);
    const xs = inCells(stable, cells.stable);
    const span = Math.log1p(stable.total / canary.total);
    return [{ xc, xs, span }];
  });
  const logFactor = ({ xc, xs, span }: (typeof counts)[number], bet: Bet) => {
    const v = within(cells.ranks.map(bet), span).map(Math.exp);
    return logFactorTilt({ xc, xs, v }) / burst;
  };
  return capitalAfter(counts, BETS, { T: planned, head }, logFactor, before);
}

/** Keeps the middle of a bet and cuts off what is beyond the span. */
function within(logs: readonly number[], span: number): number[] {
  const [least = 0, most = 0] = [logs[0], logs.at(-1)];
  if (most - least <= span) return [...logs];
  const low = Math.min(Math.max(least, -span / 2), most - span);
  return logs.map((log) => Math.min(low + span, Math.max(low, log)));
}

function inCells(spread: Spread, edges: readonly number[]): number[] {
  const over = [spread.total, ...edges.map((edge) => overEdge(spread, edge)), 0];
  return over.slice(1).map((count, index) => (over[index] ?? 0) - count);
}

/** Windows of which the evidence can be taken: after the first raise, with a control, and not the first minute after a move. */
export function slowdownWindows(trial: Course, spreads: readonly SpreadWindow[]): SpreadWindow[] {
  const first = trial.moves[0] ?? Number.POSITIVE_INFINITY;
  return spreads.filter(
    (window) => window.start >= first && !isAlone(trial, window) && !isYoung(trial, window.start),
  );
}
